package dbtest_test

import (
	"testing"

	"github.com/parley-bot/parley/internal/database/dbtest"
)

// TestServersAreThere says once which databases this run leaves out.
func TestServersAreThere(t *testing.T) {
	t.Parallel()
	if engines := dbtest.Engines(); len(engines) < 3 {
		t.Skipf("only %v is tested; PARLEY_TEST_POSTGRES and PARLEY_TEST_MYSQL add PostgreSQL and MySQL/MariaDB", engines)
	}
}
