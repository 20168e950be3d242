package crew

import "maps"

// Tally is how often something happened to a program, since the crew opened. What an earlier supervisor left is not in it.
type Tally struct {
	Starts    int // processes that were started
	Unstarted int // those that could not be
	Left      int // processes that ended well
	Died      int // and those that did not
}

// Tallies are those of all programs that were ever started, by name.
func (c *Crew) Tallies() map[string]Tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.tallies)
}

// count changes the tally of a program.
func (c *Crew) count(program string, change func(*Tally)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tally := c.tallies[program]
	change(&tally)
	c.tallies[program] = tally
}
