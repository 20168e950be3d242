package jobs

// Sandbox is what a kind's command and all that it starts are confined to. Every command may read the system's
// programs and what lies in its folder without a dot before its name, and write to its attempt's workspace.
type Sandbox struct {
	Read  []string `json:"read,omitempty"`  // files and folders, with all below; relative to the project
	Write []string `json:"write,omitempty"` // the same, that may be read as well
	Ports []int    `json:"ports"`           // that it may connect to over TCP; nil: all, and it may listen; empty: no network
}
