package turn

import "context"

// CompactNext makes the next summary, and reports false when there is none to be made.
func (r *Runner) CompactNext(ctx context.Context) bool { return r.compactNext(ctx) }
