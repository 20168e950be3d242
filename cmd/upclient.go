package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"freshet/jobs/crew"
)

// mostInstances guards against a slip of the finger.
const mostInstances = 1000

// upClient gives orders to the freshet up of a folder.
type upClient struct {
	folder string
	http   *http.Client
}

func newUpClient(folder string) *upClient {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(folder, controlSocket))
	}
	return &upClient{folder, &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// do sends an order and answers the state after it.
func (c *upClient) do(ctx context.Context, method, path string) (state upState, err error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://up"+path, http.NoBody)
	if err != nil {
		return state, fmt.Errorf("ask freshet up: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return state, &exitError{exitConnection, fmt.Errorf("no freshet up answers in %s (see --data): %w", c.folder, err)}
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(response.Body)
	if response.StatusCode == http.StatusOK {
		err = decoder.Decode(&state)
	} else {
		var refusal orderError
		if err = decoder.Decode(&refusal); err == nil {
			err = errors.New(refusal.Error)
		}
	}
	return state, err
}

// gone waits until the freshet up has ended.
func (c *upClient) gone(ctx context.Context) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		if _, err := c.do(ctx, http.MethodGet, "/status"); err != nil {
			return context.Cause(ctx)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

func (a *app) upStatusCommand(options *upOptions) *cobra.Command {
	return a.upOrder(options, "status", "Show what runs", cobra.NoArgs, func([]string) (string, string) {
		return http.MethodGet, "/status"
	})
}

func (a *app) upReloadCommand(options *upOptions) *cobra.Command {
	return a.upOrder(options, "reload", "Read freshet.yaml and replace all processes, one by one and without a gap", cobra.NoArgs,
		func([]string) (string, string) { return http.MethodPost, "/reload" })
}

func (a *app) upRestartCommand(options *upOptions) *cobra.Command {
	return a.upOrder(options, "restart NAME", "Replace the processes of a program, and start those that do not run", cobra.ExactArgs(1),
		func(args []string) (string, string) { return http.MethodPost, "/restart/" + url.PathEscape(args[0]) })
}

func (a *app) upResetCommand(options *upOptions) *cobra.Command {
	return a.upOrder(options, "reset NAME", "Forget the deaths of a program, and start at once what does not run", cobra.ExactArgs(1),
		func(args []string) (string, string) { return http.MethodPost, "/reset/" + url.PathEscape(args[0]) })
}

func (a *app) upScaleCommand(options *upOptions) *cobra.Command {
	check := func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(2)(cmd, args); err != nil {
			return err
		}
		if n, err := strconv.Atoi(args[1]); err != nil || n < 0 || n > mostInstances {
			return fmt.Errorf("%s is no number of instances, from 0 to %d", args[1], mostInstances)
		}
		return nil
	}
	return a.upOrder(options, "scale NAME N", "Run so many processes of a program, until freshet up itself ends", check,
		func(args []string) (string, string) {
			return http.MethodPost, "/scale/" + url.PathEscape(args[0]) + "/" + args[1]
		})
}

func (a *app) upStopCommand(options *upOptions) *cobra.Command {
	command := a.upOrder(options, "stop [NAME]", "Let all finish and stop, or a program alone", cobra.MaximumNArgs(1),
		func(args []string) (string, string) { return http.MethodPost, "/stop/" + url.PathEscape(args[0]) })
	stopProgram := command.RunE
	command.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return stopProgram(cmd, args)
		}
		client := newUpClient(options.data)
		if _, err := client.do(cmd.Context(), http.MethodPost, "/stop"); err != nil {
			return err
		}
		return client.gone(cmd.Context())
	}
	return command
}

// upOrder is a command that sends one order and shows the state after it.
func (a *app) upOrder(options *upOptions, use, short string, args cobra.PositionalArgs, order func(args []string) (method, path string)) *cobra.Command {
	var asJSON bool
	command := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		method, path := order(args)
		state, err := newUpClient(options.data).do(cmd.Context(), method, path)
		if err != nil {
			return err
		}
		if asJSON {
			encoder := json.NewEncoder(a.Stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(state)
		}
		return a.showUp(state)
	}}
	jsonFlag(command, &asJSON)
	return command
}

func (a *app) showUp(state upState) error {
	rows := [][]string{{"NAME", "STATE", "FOR", "PID", "MEMORY", "DEATHS", "NOTE"}}
	for _, s := range state.Instances {
		pid, memory, note := "", "", s.Error
		if s.PID > 0 {
			pid = strconv.Itoa(s.PID)
		}
		if s.Memory > 0 {
			memory = size(s.Memory)
		}
		if s.Retry != nil {
			note += ", again in " + short(time.Until(*s.Retry))
		} else if s.State == crew.Errored {
			note += ", not started again"
		}
		rows = append(rows, []string{s.Name(), string(s.State), age(s.Since), pid, memory, strconv.Itoa(s.Deaths), note})
	}
	return table(a.Stdout, widestCell, rows)
}
