package admin

import (
	"context"
	"net/http"

	"github.com/parley-bot/parley/ai/pins"
	"github.com/parley-bot/parley/internal/web/respond"
)

// Tools are those of other servers, with what is approved of them.
type Tools interface {
	List(ctx context.Context) ([]pins.Pinned, error)
	// Approve fails with failure.NotFound for a name, SERVER.TOOL, that nobody has seen.
	Approve(ctx context.Context, name string) (pins.Pinned, error)
}

func (a *admin) listTools(w http.ResponseWriter, r *http.Request) error {
	tools, err := a.o.Tools.List(r.Context())
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, whole(tools))
	return nil
}

func (a *admin) approveTool(w http.ResponseWriter, r *http.Request) error {
	tool, err := a.o.Tools.Approve(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, tool)
	return nil
}
