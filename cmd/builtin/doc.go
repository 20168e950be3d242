// Package builtin holds the example kinds that "freshet dev" runs when there is no freshet.yaml: their
// configuration, and the code of two of them.
//
// Files answers a folder with freshet.yaml and the program of csv-summary, compiled from TypeScript.
// The kinds hello and page-to-pdf are this binary itself, as "freshet example hello" and "freshet
// example page-to-pdf": Hello and PageToPDF are their code. They know of Freshet only what any task
// knows, which is the files that Env names.
package builtin
