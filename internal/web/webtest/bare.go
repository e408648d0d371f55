// Package webtest holds the yardstick that the webhook path is measured by.
package webtest

import (
	"io"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Bare returns an Echo server that verifies a POST to path and stores nothing.
func Bare(path string, verify func(header http.Header, body []byte) error) http.Handler {
	e := echo.New()
	e.POST(path, func(c echo.Context) error {
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, 1<<20))
		if err != nil {
			return c.NoContent(http.StatusBadRequest)
		}
		if err := verify(c.Request().Header, body); err != nil {
			return c.NoContent(http.StatusUnauthorized)
		}
		return c.JSON(http.StatusAccepted, map[string]string{"status": "accepted"})
	})
	return e
}
