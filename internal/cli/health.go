package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// healthCommand asks the server on this machine whether it is ready: the
// container image's health check, which has no curl.
func (p *program) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Ask the server on this machine whether it is ready", Args: cobra.NoArgs, Hidden: true,
		RunE: p.begin(func(ctx context.Context, _ []string) error {
			cfg, err := p.load(nil)
			if err != nil {
				return err
			}
			return failed("health", askReady(ctx, cfg.Server.Listen))
		}),
	}
}

func askReady(ctx context.Context, listen string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: 4 * time.Second}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answered %s", resp.Status)
	}
	return nil
}
