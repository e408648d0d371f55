package feishu

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"

	"github.com/parley-bot/parley/internal/failure"
	"github.com/parley-bot/parley/internal/lenient"
	"github.com/parley-bot/parley/platforms"
)

var _ platforms.Removable = (*Adapter)(nil)

// Codes of an app that is there no longer. The vendor's own client names them
// "disabled or not installed in this tenant" and "status unavailable".
const (
	codeDisabled    = 99991662
	codeUnavailable = 99991673
)

func saysAbsent(code string) bool {
	return code == codeName(codeDisabled) || code == codeName(codeUnavailable)
}

// absence is why the app can do nothing, "" while it can.
type absence struct {
	mu  sync.Mutex
	why string
}

// set reports whether that is news.
func (a *absence) set(why string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	changed := a.why != why
	a.why = why
	return changed
}

func (a *absence) get() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.why
}

// Removed implements [platforms.Removable]. An app belongs to one tenant.
func (a *Adapter) Removed() map[string]string {
	if why := a.absent.get(); why != "" {
		return map[string]string{"": why}
	}
	return nil
}

// statusEvent is an event about the app itself.
// https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/application-v6/event/app-enabled-or-disabled
// https://open.feishu.cn/document/uAjLw4CM/ukTMukTMukTM/application-v6/event/app-uninstalled
func (a *Adapter) statusEvent(ev platforms.Event, kind string, raw json.RawMessage) platforms.Event {
	var body struct {
		Status word `json:"status"` // start_by_tenant, stop_by_tenant, stop_by_platform
	}
	_ = lenient.Decode(raw, &body)
	why := kind
	if kind == "app_status_change" {
		why = "app_" + platforms.ShortName(body.Status.String())
	}
	if kind == "app_uninstalled" || strings.HasPrefix(body.Status.String(), "stop_") {
		a.leave(why)
	} else {
		a.absent.set("")
	}
	return ignored(ev, raw, why)
}

// leave switches the app off until somebody speaks to it, or an admin starts it.
func (a *Adapter) leave(why string) {
	if a.absent.set(why) {
		a.opts.Logger.ErrorContext(context.Background(), "feishu disabled the app; nothing is sent until it is enabled in the admin console",
			slog.String("platform", a.opts.Name), slog.String("reason", why))
	}
}

// present fails where the app is switched off.
func (a *Adapter) present() error {
	if why := a.absent.get(); why != "" {
		return failure.New(failure.Permanent, why, "the Feishu app is switched off: "+why, nil)
	}
	return nil
}
