package render

// Limits are what one message of a platform holds. 0 = no limit.
type Limits struct {
	Size    int              // of the whole
	Measure func(string) int // how Size and Cells count: len, utf8.RuneCountInString …

	Blocks int // as [Parse] returns them
	Tables int
	Rows   int // of a table, its head included
	Cells  int // the size of everything in tables
}

// counts are what limits are compared with.
type counts struct {
	size, blocks, tables, rows, cells int
}

// within reports whether a part may hold so much.
func (l *Limits) within(c counts) bool {
	return fits(c.size, l.Size) && fits(c.blocks, l.Blocks) && fits(c.tables, l.Tables) &&
		fits(c.rows, l.Rows) && fits(c.cells, l.Cells)
}

func fits(n, limit int) bool { return limit < 1 || n <= limit }
