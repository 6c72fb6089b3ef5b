module p2pdb-bench-rqlite

go 1.22.7

require github.com/rqlite/rqlite/v8 v8.36.3

// As in the module's own go.mod: a replacement counts only in the module that is built.
replace (
	github.com/armon/go-metrics => github.com/hashicorp/go-metrics v0.5.1
	golang.org/x/text => golang.org/x/text v0.3.8
)
