package service_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-bot/parley/internal/service"
)

func TestEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		begun, n := time.Now(), 0
		for range service.Every(ctx, time.Second) {
			if n++; time.Since(begun) != time.Duration(n)*time.Second {
				t.Errorf("the %dth came after %v", n, time.Since(begun))
			}
		}
		if n != 3 || time.Since(begun) != 3500*time.Millisecond {
			t.Errorf("%d in %v", n, time.Since(begun))
		}
		for range service.Every(t.Context(), time.Hour) {
			break
		}
	})
}
