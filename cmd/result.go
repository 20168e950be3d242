package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"freshet/cmd/client"
	"freshet/jobs"
)

// outcome is the exit code of a task that has ended.
func outcome(task client.Task) error {
	if task.State == jobs.Completed {
		return nil
	}
	return &exitError{exitFailed, nil}
}

// result shows how a task ended: the output goes to stdout alone, so that a program can read it.
func (a *app) result(task client.Task, artifacts []client.Answer[client.Artifact]) error {
	w := a.screen(a.Stderr, false)
	fmt.Fprintln(w, "freshet: "+ending(task))
	if task.Error != nil {
		explain(w, task.Error)
	}
	for _, artifact := range artifacts {
		fmt.Fprintf(w, "freshet: artifact %s, %s\n", line(artifact.Value.Name, longestLine), size(artifact.Value.Size))
	}
	if len(artifacts) > 0 {
		fmt.Fprintf(w, "freshet: keep them with freshet artifacts %s --output DIR\n", task.ID)
	}
	if task.Output == nil {
		return nil
	}
	_, err := fmt.Fprintln(a.screen(a.Stdout, false), pretty(task.Output))
	return err
}

// ending says in one line how a task ended.
func ending(task client.Task) string {
	text := fmt.Sprintf("task %s %s", task.ID, task.State)
	if task.State == jobs.Cancelled {
		text = fmt.Sprintf("task %s was cancelled", task.ID)
	}
	if task.StartedAt != nil && task.CompletedAt != nil {
		text += " after " + task.CompletedAt.Sub(*task.StartedAt).Round(100*time.Millisecond).String()
	}
	return text + because(task.Error)
}

// explain tells what is known of a failure besides its code and message.
func explain(w io.Writer, failure *jobs.Failure) {
	for _, part := range []struct{ name, text string }{
		{"code", failure.UserCode}, {"detail", failure.Detail}, {"signal", failure.Signal}, {"last output", failure.LogTail},
	} {
		if text := strings.TrimRight(part.text, "\n"); text != "" {
			fmt.Fprintf(w, "%s:\n%s\n", part.name, indent(text))
		}
	}
}

func indent(text string) string { return "  " + strings.ReplaceAll(text, "\n", "\n  ") }

// pretty is JSON on several lines.
func pretty(text json.RawMessage) string {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return string(text)
	}
	return out.String()
}
