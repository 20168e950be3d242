package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// ErrUnsupported says that this machine cannot confine as the rules want it.
var ErrUnsupported = errors.New("this machine has no such sandbox")

// Rules are what may be done, besides reading the system's own files (System). Paths are absolute, must
// exist, and stand for a file, or a folder with all below it.
type Rules struct {
	Read  []string // may be read and executed
	Write []string // may be read, executed, changed and removed
	// Dir may be listed, with all folders below, and its entries be read and executed, but for symbolic links and
	// for those that begin with a dot: that is where secrets are, as in .env. Empty: none.
	Dir string
	// Ports may be connected to over TCP, on this machine and on others, and none be listened on. Nil: no rule.
	// Empty, and not nil: there is no network at all.
	Ports []int
}

// Fields is the text of rules, for Parse.
func (r Rules) Fields() []string {
	fields := []string{"d" + r.Dir}
	for _, path := range r.Read {
		fields = append(fields, "r"+path)
	}
	for _, path := range r.Write {
		fields = append(fields, "w"+path)
	}
	if r.Ports != nil {
		fields = append(fields, "n")
	}
	for _, port := range r.Ports {
		fields = append(fields, "p"+strconv.Itoa(port))
	}
	return fields
}

// Parse reads what Fields wrote.
func Parse(fields []string) (Rules, error) {
	var r Rules
	for _, field := range fields {
		if field == "" {
			return Rules{}, errors.New("an empty rule")
		}
		switch value := field[1:]; field[0] {
		case 'd':
			r.Dir = value
		case 'r':
			r.Read = append(r.Read, value)
		case 'w':
			r.Write = append(r.Write, value)
		case 'n':
			r.Ports = []int{}
		case 'p':
			port, err := strconv.ParseUint(value, 10, 16)
			if err != nil {
				return Rules{}, fmt.Errorf("a rule of a port: %w", err)
			}
			r.Ports = append(r.Ports, int(port))
		default:
			return Rules{}, fmt.Errorf("an unknown rule %q", field)
		}
	}
	return r, nil
}

// System is what every program may read: code, its data, and settings that hold no secrets. What of it is not
// there is passed over. /opt, /usr/src, /tmp, /home, most of /etc and the processes in /proc are not among it.
func System() []string {
	return slices.Concat(below("/", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix/store", "gnu/store"),
		below("/usr/", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "share", "include"),
		below("/usr/local/", "bin", "sbin", "lib", "lib64", "libexec", "share", "include"),
		below("/etc/", "alternatives", "bash.bashrc", "ca-certificates", "chromium", "chromium.d", "crypto-policies", "fonts", "gai.conf",
			"gitconfig", "group", "host.conf", "hostname", "hosts", "inputrc", "ld.so.cache", "ld.so.conf", "ld.so.conf.d",
			"ld.so.preload", "locale.alias", "locale.conf", "localtime", "magic", "mime.types", "nsswitch.conf", "os-release",
			"passwd", "pki/ca-trust", "pki/tls/cert.pem", "pki/tls/certs", "profile", "protocols", "resolv.conf", "services",
			"ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone"),
		below("/proc/", "cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "sys", "uptime", "version"),
		below("/sys/", "devices/system", "fs/cgroup"),
		[]string{"/dev/random", "/dev/urandom", "/var/cache/fontconfig"})
}

// devices may be written to.
func devices() []string { return below("/dev/", "full", "null", "zero") }

func below(folder string, names ...string) []string {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = folder + name
	}
	return paths
}
