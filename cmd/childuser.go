package cmd

import (
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"freshet/config"
	"freshet/jobs/process"
)

// childOptions say who commands run as, in place of what freshet.yaml says of the pool.
type childOptions struct {
	user      string
	allowRoot bool
}

func childFlags(flags *pflag.FlagSet, o *childOptions) {
	flags.StringVar(&o.user, "child-user", "", "name or number of the user that commands run as, for a worker that is root (default: the pool's childUser)")
	flags.BoolVar(&o.allowRoot, "allow-root-children", false, "let a worker that is root run commands as root (default: the pool's allowRootChildren)")
}

// over gives a pool what the flags say.
func (o childOptions) over(pool config.Pool) config.Pool {
	if o.user != "" || o.allowRoot {
		pool.ChildUser, pool.AllowRootChildren = o.user, o.allowRoot
	}
	return pool
}

// childUser is who the commands of a pool run as; nil is the user of this process. Root has to be asked for.
func childUser(pool config.Pool) (*process.User, error) {
	user, err := chosenUser(pool)
	root := os.Geteuid() == 0
	switch {
	case err != nil:
	case user == nil && root && !pool.AllowRootChildren:
		err = fmt.Errorf("commands would run as root, as the worker does: name another user with pools.%s.childUser in freshet.yaml "+
			"or --child-user, or allow it with allowRootChildren: true or --allow-root-children", pool.Name)
	case user != nil && user.UID == 0:
		err = fmt.Errorf("childUser %s is root: to run commands as root, set allowRootChildren in its place", pool.ChildUser)
	case user != nil && !root:
		if int(user.UID) == os.Geteuid() {
			return nil, nil //nolint:nilnil // commands run as this user anyway
		}
		err = fmt.Errorf("commands can run as childUser %s only if the worker is root, and it is user %d", pool.ChildUser, os.Geteuid())
	}
	if err != nil {
		return nil, &exitError{exitConfig, fmt.Errorf("pool %s: %w", pool.Name, err)}
	}
	return user, nil
}

func chosenUser(pool config.Pool) (*process.User, error) {
	if pool.ChildUser == "" {
		return nil, nil //nolint:nilnil // nobody in particular
	}
	return process.LookupUser(pool.ChildUser)
}

// atHome is who runs commands on a developer's machine, where nobody has to be asked: root's run as root,
// unless the pool names a user, and everyone else's as themselves.
func atHome(pool config.Pool) childOptions {
	switch root := os.Geteuid() == 0; {
	case root && pool.ChildUser == "":
		return childOptions{allowRoot: true}
	case !root && pool.ChildUser != "":
		return childOptions{user: strconv.Itoa(os.Geteuid())}
	default:
		return childOptions{}
	}
}

// arguments are the flags that give a worker these options.
func (o childOptions) arguments() (args []string) {
	if o.user != "" {
		args = append(args, "--child-user", o.user)
	}
	if o.allowRoot {
		args = append(args, "--allow-root-children")
	}
	return args
}

// tellOfRoot says that commands run as root, where nobody was asked.
func (a *app) tellOfRoot(pools ...config.Pool) {
	for _, pool := range pools {
		if options := atHome(pool); options.allowRoot && !pool.AllowRootChildren {
			a.tell("you are root, so commands of tasks run as root (allowRootChildren); pools.%s.childUser names another user", pool.Name)
			return
		}
	}
}

// examineChildren looks at who commands would run as.
func examineChildren(settings *config.Config) []finding {
	var findings []finding
	for _, pool := range settings.Pools {
		what := "user of the commands of pool " + pool.Name
		if _, err := childUser(pool); err != nil {
			findings = append(findings, finding{what, false, "a worker started here would refuse: " + err.Error()})
		} else if os.Geteuid() == 0 && pool.AllowRootChildren {
			findings = append(findings, finding{what + " is root", false, "they can read the worker's secrets and change this machine: " +
				"run the worker as another user, or name one with childUser in place of allowRootChildren"})
		}
	}
	return findings
}
