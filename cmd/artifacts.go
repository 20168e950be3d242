package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"freshet/cmd/client"
)

// artifactsOptions are the flags of freshet artifacts.
type artifactsOptions struct {
	output string
	json   bool
}

func (a *app) artifactsCommand() *cobra.Command {
	var options artifactsOptions
	command := &cobra.Command{
		Use:   "artifacts ID",
		Short: "List the files that a task left, or download them with --output",
		Args:  taskIDs(cobra.ExactArgs(1)),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.artifacts(cmd.Context(), args[0], options) },
	}
	command.Flags().StringVar(&options.output, "output", "", "folder to download all of them into")
	jsonFlag(command, &options.json)
	return command
}

func (a *app) artifacts(ctx context.Context, id string, options artifactsOptions) error {
	return a.withServer(func(server *client.Client) error {
		list, err := server.Artifacts(ctx, id)
		if err != nil {
			return fmt.Errorf("artifacts of task %s: %w", id, err)
		}
		if options.json {
			err = a.printJSON(list)
		} else {
			err = a.listArtifacts(list.Value.Items)
		}
		if err != nil || options.output == "" {
			return err
		}
		return a.download(ctx, server, id, list.Value.Items, options.output)
	})
}

func (a *app) listArtifacts(items []client.Answer[client.Artifact]) error {
	rows := [][]string{{"NAME", "SIZE", "TYPE"}}
	for _, item := range items {
		rows = append(rows, []string{item.Value.Name, size(item.Value.Size), item.Value.ContentType})
	}
	return table(a.Stdout, widestCell, rows)
}

// download keeps all files in a folder. Names come from the task: os.Root keeps them inside.
func (a *app) download(ctx context.Context, server *client.Client, id string, items []client.Answer[client.Artifact], folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil { //nolint:gosec // the user's umask decides
		return fmt.Errorf("make the folder: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	defer root.Close()
	for _, item := range items {
		artifact, err := fresh(ctx, server, id, item.Value)
		if err != nil {
			return err
		}
		if err := keep(ctx, server, artifact, root); err != nil {
			return err
		}
		fmt.Fprintf(a.Stderr, "freshet: kept %s\n", visible(filepath.Join(folder, filepath.FromSlash(artifact.Name))))
	}
	return nil
}

// fresh is the artifact with an address that is good for a while: larger ones before it took time.
func fresh(ctx context.Context, server *client.Client, id string, artifact client.Artifact) (client.Artifact, error) {
	if time.Until(artifact.ExpiresAt) > time.Minute {
		return artifact, nil
	}
	list, err := server.Artifacts(ctx, id)
	if err != nil {
		return artifact, fmt.Errorf("artifacts of task %s: %w", id, err)
	}
	for _, item := range list.Value.Items {
		if item.Value.Name == artifact.Name {
			return item.Value, nil
		}
	}
	return artifact, fmt.Errorf("artifact %s is gone", artifact.Name)
}

// keep downloads one file under its name. It appears there when all of it has come, and is right.
func keep(ctx context.Context, server *client.Client, artifact client.Artifact, root *os.Root) (err error) {
	name := filepath.FromSlash(artifact.Name)
	if !filepath.IsLocal(name) || path.Clean(artifact.Name) != artifact.Name {
		return fmt.Errorf("artifact %q: its name would lead out of the folder", artifact.Name)
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return fmt.Errorf("keep artifact %s: %w", artifact.Name, err)
	}
	draft := name + ".part"
	file, err := root.Create(draft)
	if err != nil {
		return fmt.Errorf("keep artifact %s: %w", artifact.Name, err)
	}
	err = errors.Join(server.Download(ctx, artifact, file), file.Close())
	if err == nil {
		err = root.Rename(draft, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(draft))
	}
	return nil
}
