package fakeslack

// T is what New needs of a testing.TB. It keeps package testing out of
// programs that run the fake.
type T interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
}

// New starts a fake for the time of a test.
func New(t T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
