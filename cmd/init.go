package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"freshet/cmd/scaffold"
)

func (a *app) initCommand() *cobra.Command {
	var next bool
	command := &cobra.Command{
		Use:   "init",
		Short: "Write a freshet.yaml, or all that a Next.js app needs",
		Long: "Write a small freshet.yaml into the current folder.\n\n" +
			"With --next, in the root of a Next.js app (App Router, TypeScript): kinds, their code, the routes and a\n" +
			"page that submits a task and shows it live. Nothing is written over: if a file is there, none is written.",
		RunE: func(*cobra.Command, []string) error {
			if next {
				return a.initNext()
			}
			return a.initPlain()
		},
	}
	command.Flags().BoolVar(&next, "next", false, "write what a Next.js app needs, too")
	return command
}

func (a *app) initPlain() error {
	files, err := scaffold.Plain()
	if err != nil {
		return err
	}
	if err := a.scaffold(files); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "\nNext:\n  %[1]s dev\n  %[1]s submit hello --input '{\"name\":\"Ada\"}' --follow\n", a.Name)
	return nil
}

func (a *app) initNext() error {
	sdk, err := scaffold.SDK()
	if err != nil {
		return err
	}
	files, err := scaffold.Next(".", sdk)
	if err != nil {
		return err
	}
	if err := a.scaffold(files); err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "\nNext:\n  npm install\n  %s dev -- npm run dev\nand open http://localhost:3000/freshet\n", a.Name)
	return nil
}

func (a *app) scaffold(files []scaffold.File) error {
	if err := scaffold.Write(".", files); err != nil {
		return err
	}
	for _, file := range files {
		word := "wrote  "
		if file.Edited {
			word = "changed"
		}
		fmt.Fprintf(a.Stdout, "%s %s\n", word, file.Path)
	}
	return nil
}
