package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"freshet/jobs/crew"
	"freshet/jobs/supervisor"
)

// controlSocket is where freshet up takes orders, in its folder.
const controlSocket = "control"

// upState is what freshet up tells of itself.
type upState struct {
	PID       int           `json:"pid"`
	Version   string        `json:"version"`
	Instances []crew.Status `json:"instances"`
}

// orderError is the answer to an order that could not be followed.
type orderError struct {
	Error string `json:"error"`
}

// control takes orders, from whoever may use the folder: this user. An order is answered when it is done.
func (u *up) control(ctx context.Context) (supervisor.Part, error) {
	path := filepath.Join(u.folder, controlSocket)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // a killed one's: the folder is ours
		return supervisor.Part{}, fmt.Errorf("listen for orders: %w", err)
	}
	socket, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return supervisor.Part{}, fmt.Errorf("listen for orders (is the path of --data too long?): %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return supervisor.Part{}, errors.Join(fmt.Errorf("listen for orders: %w", err), socket.Close())
	}
	server := &http.Server{Handler: u.routes(), ReadHeaderTimeout: 5 * time.Second}
	return supervisor.Part{Name: "control", Run: func(ctx context.Context) error {
		failed := make(chan error, 1)
		go func() { failed <- server.Serve(socket) }()
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
		}
		if err := server.Close(); err != nil {
			return fmt.Errorf("stop taking orders: %w", err)
		}
		if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	}}, nil
}

func (u *up) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, upState{os.Getpid(), u.app.Version, u.crew.Status()})
	})
	order := func(route string, do func(ctx context.Context, program string) error) {
		mux.HandleFunc("POST "+route, func(w http.ResponseWriter, r *http.Request) {
			u.answerOrder(w, do(context.WithoutCancel(r.Context()), r.PathValue("program")))
		})
	}
	order("/reload", func(ctx context.Context, _ string) error { return u.reload(ctx) })
	order("/stop", func(context.Context, string) error { u.leave(); return nil })
	order("/stop/{program}", u.crew.Stop)
	order("/restart/{program}", u.crew.Restart)
	order("/reset/{program}", u.crew.Reset)
	mux.HandleFunc("POST /scale/{program}/{instances}", func(w http.ResponseWriter, r *http.Request) {
		instances, err := strconv.Atoi(r.PathValue("instances")) // the command has looked at it
		if err == nil {
			err = u.crew.Scale(context.WithoutCancel(r.Context()), r.PathValue("program"), instances)
		}
		u.answerOrder(w, err)
	})
	return mux
}

// answerOrder answers an order that was followed, or not.
func (u *up) answerOrder(w http.ResponseWriter, err error) {
	switch {
	case err == nil:
		answer(w, http.StatusOK, upState{os.Getpid(), u.app.Version, u.crew.Status()})
	case errors.Is(err, crew.ErrUnknown):
		answer(w, http.StatusNotFound, orderError{err.Error()})
	default:
		answer(w, http.StatusConflict, orderError{err.Error()})
	}
}

func answer(w http.ResponseWriter, status int, content any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(content) //nolint:errchkjson // who asked may be gone
}
