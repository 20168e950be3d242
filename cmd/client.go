package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

// clientCommands are those that speak to a server over HTTP.
func (a *app) clientCommands() []*cobra.Command {
	return []*cobra.Command{
		a.submitCommand(), a.tasksCommand(), a.getCommand(), a.logsCommand(), a.artifactsCommand(),
		a.cancelCommand(), a.retryCommand(), a.rerunCommand(), a.deleteCommand(),
		a.kindsCommand(), a.statsCommand(), a.poolsCommand(), a.workersCommand(), a.schedulesCommand(), a.pauseCommand(true), a.pauseCommand(false),
		a.maintenanceCommand(), a.reloadCommand(), a.keyCommand(), a.tokenCommand(), a.webhooksCommand(), a.deliveriesCommand(),
		a.credentialsCommand(), a.userCommand(), a.auditCommand(),
	}
}

func jsonFlag(command *cobra.Command, asJSON *bool) {
	command.Flags().BoolVar(asJSON, "json", false, "print the server's JSON")
}

func rawFlag(command *cobra.Command, raw *bool) {
	command.Flags().BoolVar(raw, "raw", false, "write control characters to a terminal as they are")
}

// withServer lets work speak to the server, and gives its error the right exit code.
func (a *app) withServer(work func(*client.Client) error) error {
	address, key, err := findServer(a.env("FRESHET_URL"), a.env("FRESHET_API_KEY"), devFolder)
	if err != nil {
		return &exitError{exitConnection, err}
	}
	server, err := client.New(address, key)
	if err != nil {
		return usage(err)
	}
	defer server.Close()
	return clientError(work(server))
}

// findServer returns where the server is and the key for it: as the environment says, else of the
// freshet dev that runs in this folder. The folder's key goes to the folder's server alone.
func findServer(address, key, folder string) (string, string, error) {
	if address != "" && key == "" {
		return "", "", errors.New("FRESHET_URL is set, but FRESHET_API_KEY is not: set it to an API key of that server")
	}
	if address == "" {
		text, err := os.ReadFile(filepath.Join(folder, "url"))
		if err != nil {
			return "", "", errors.New("no server is known: run freshet dev in this folder, or set FRESHET_URL and FRESHET_API_KEY")
		}
		address = strings.TrimSpace(string(text))
	}
	if key == "" {
		text, err := os.ReadFile(filepath.Join(folder, "api-key"))
		if err != nil {
			return "", "", fmt.Errorf("no API key is known: set FRESHET_API_KEY, or let freshet dev make one: %w", err)
		}
		key = strings.TrimSpace(string(text))
	}
	return address, key, nil
}

// clientError gives an error of a call its exit code: 3 when the server is away or does not let us in,
// else 1. What the server said is made fit for a terminal.
func clientError(err error) error {
	var decided *exitError
	if err == nil || errors.As(err, &decided) {
		return err
	}
	code := exitFailed
	var away *client.Unreachable
	var refused *client.Problem
	switch {
	case errors.As(err, &away):
		code = exitConnection
	case errors.As(err, &refused):
		code = refusalCode(refused.Status)
	}
	if code == exitConnection && refused != nil && refused.Status == http.StatusUnauthorized {
		err = fmt.Errorf("%w (the API key is that of FRESHET_API_KEY, else of %s)", err, filepath.Join(devFolder, "api-key"))
	}
	return &exitError{code, errors.New(visible(err.Error()))}
}

func refusalCode(status int) int {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return exitConnection
	default:
		return exitFailed
	}
}

// taskIDs makes a wrong id a usage error, before anything is asked of the server.
func taskIDs(count cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := count(cmd, args); err != nil {
			return err
		}
		for _, id := range args {
			if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
				return fmt.Errorf("%q is not the id of a task", visible(id))
			}
		}
		return nil
	}
}

// leave is for who stops following a task: it goes on without us.
func (a *app) leave(ctx context.Context, id string, err error) error {
	if ctx.Err() == nil {
		return err
	}
	fmt.Fprintf(a.Stderr, "freshet: the task goes on: follow it with freshet logs -f %s, stop it with freshet cancel %s\n", id, id)
	return &exitError{exitFailed, nil}
}

// printJSON writes one line of JSON.
func (a *app) printJSON(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintf(a.Stdout, "%s\n", text)
	return err
}
