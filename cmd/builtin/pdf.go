package builtin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
)

const pdfName = "page.pdf"

type pdfInput struct {
	URL  string `json:"url"`
	File string `json:"file"`
	HTML string `json:"html"`
	paper
}

// paper is what the page is printed on.
type paper struct {
	Format    string `json:"format"` // A4 or Letter; empty: what the page's own style says, else A4
	Landscape bool   `json:"landscape"`
}

type pdfOutput struct {
	File  string `json:"file"` // the artifact's name
	Bytes int    `json:"bytes"`
	Pages int    `json:"pages,omitempty"` // left out if they cannot be counted
}

// PageToPDF prints a web page, an HTML file or HTML text with headless Chromium and keeps the PDF as the
// artifact page.pdf. Its errors have the codes no_chromium, bad_input, not_loaded and http_status. It
// waits for the page as long as the page takes; the kind's timeout is the limit.
func PageToPDF(ctx context.Context, env Env) error {
	return run(ctx, env, pageToPDF)
}

func pageToPDF(ctx context.Context, input pdfInput, t *task) (pdfOutput, error) {
	folder, err := os.MkdirTemp(variable(t.Environ, "TMPDIR"), "page-to-pdf-")
	if err != nil {
		return pdfOutput{}, fmt.Errorf("make a folder for the browser: %w", err)
	}
	defer os.RemoveAll(folder)
	address, err := input.address(folder)
	if err != nil {
		return pdfOutput{}, err
	}
	pdf, err := render(ctx, t, folder, address, input.paper)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx) // the browser was killed, which is what the rest of the error tells
		}
		return pdfOutput{}, err
	}
	if err := t.step(90, fmt.Sprintf("keeping %s, %d bytes", pdfName, len(pdf))); err != nil {
		return pdfOutput{}, err
	}
	if err := os.WriteFile(filepath.Join(t.Artifacts, pdfName), pdf, 0o600); err != nil {
		return pdfOutput{}, fmt.Errorf("keep the PDF: %w", err)
	}
	return pdfOutput{File: pdfName, Bytes: len(pdf), Pages: countPages(pdf)}, t.step(100, "done")
}

// render starts a browser, prints one page and closes the browser.
func render(ctx context.Context, t *task, folder, address string, paper paper) (pdf []byte, err error) {
	if err := t.step(10, "starting the browser"); err != nil {
		return nil, err
	}
	b, err := openBrowser(ctx, t, folder)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	p, err := b.openPage()
	if err != nil {
		return nil, fmt.Errorf("open a page: %w; the browser said: %s", err, b.lastWords())
	}
	if err := t.step(30, "loading "+address); err != nil {
		return nil, err
	}
	if err := p.load(address); err != nil {
		return nil, fmt.Errorf("load the page: %w", err)
	}
	if err := t.step(60, "rendering"); err != nil {
		return nil, err
	}
	if pdf, err = p.print(paper); err != nil {
		return nil, fmt.Errorf("print the page: %w", err)
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		return nil, fmt.Errorf("print the page: the browser made %d bytes that are not a PDF", len(pdf))
	}
	return pdf, nil
}

// address is the URL of what to print. HTML text becomes a file in the folder.
func (in pdfInput) address(folder string) (string, error) {
	switch {
	case in.URL != "" && in.File == "" && in.HTML == "":
		return checkURL(in.URL)
	case in.File != "" && in.URL == "" && in.HTML == "":
		return fileURL(in.File)
	case in.HTML != "" && in.URL == "" && in.File == "":
		path := filepath.Join(folder, "page.html")
		if err := os.WriteFile(path, []byte(in.HTML), 0o600); err != nil {
			return "", fmt.Errorf("write the page: %w", err)
		}
		return fileURL(path)
	default:
		return "", &Error{Code: "bad_input", Message: "give exactly one of url, file and html"}
	}
}

func checkURL(text string) (string, error) {
	address, err := url.Parse(text)
	if err != nil {
		return "", &Error{Code: "bad_input", Message: "the url cannot be read: " + err.Error()}
	}
	switch {
	case address.Scheme == "file":
		return fileURL(address.Path)
	case (address.Scheme == "http" || address.Scheme == "https") && address.Host != "":
		return address.String(), nil
	default:
		return "", &Error{Code: "bad_input", Message: fmt.Sprintf("%q is not an http, https or file url", text)}
	}
}

func fileURL(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	if info, err := os.Stat(absolute); err != nil {
		return "", &Error{Code: "bad_input", Message: "the file cannot be read: " + err.Error()}
	} else if !info.Mode().IsRegular() {
		return "", &Error{Code: "bad_input", Message: absolute + " is not a file"}
	}
	return (&url.URL{Scheme: "file", Path: absolute}).String(), nil
}

// options are the parameters of Page.printToPDF; lengths are inches.
func (p paper) options() map[string]any {
	width, height := 210/25.4, 297/25.4
	if p.Format == "Letter" {
		width, height = 8.5, 11
	}
	return map[string]any{
		"paperWidth": width, "paperHeight": height, "landscape": p.Landscape, "printBackground": true,
		"preferCSSPageSize": p.Format == "" && !p.Landscape,
	}
}

// countPages counts the page objects of a PDF; Chromium leaves them uncompressed.
func countPages(pdf []byte) int {
	return len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1))
}
