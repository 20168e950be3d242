// Command deliver sends the message that it reads as JSON, as Freshet sends it, and writes what became of
// it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"freshet/jobs/webhook"
)

type message struct {
	URL     string `json:"url"`
	ID      string `json:"id"`
	Body    string `json:"body"`
	Secrets string `json:"secrets"`
}

func main() {
	if err := deliver(context.Background(), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func deliver(ctx context.Context, from io.Reader, to io.Writer) error {
	var given message
	if err := json.NewDecoder(from).Decode(&given); err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	secrets, err := webhook.ParseSecrets(given.Secrets)
	if err != nil {
		return fmt.Errorf("read secrets: %w", err)
	}
	sender := webhook.NewSender(webhook.Policy{Loopback: true})
	defer sender.Close()
	answer := sender.Send(ctx, webhook.Message{URL: given.URL, ID: given.ID, Body: []byte(given.Body), Secrets: secrets})
	if err := json.NewEncoder(to).Encode(map[string]any{"status": answer.Status, "err": answer.Err}); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}
