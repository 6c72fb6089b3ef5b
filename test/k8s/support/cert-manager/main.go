// Command cert-manager is cert-manager's controller, as its own command is. That one's module replaces one that it requires, so `go
// install` refuses it; and those of later releases are not to be had as modules.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/cert-manager/cert-manager/cmd/controller/app"
	"github.com/cert-manager/cert-manager/cmd/util"
	"github.com/cert-manager/cert-manager/pkg/logs"
)

func main() {
	stop, exit := util.SetupExitHandler(util.GracefulShutdown)
	defer exit()
	logs.InitLogs(flag.CommandLine)
	defer logs.FlushLogs()
	command := app.NewCommandStartCertManagerController(stop)
	command.Flags().AddGoFlagSet(flag.CommandLine)
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		util.SetExitCode(err)
	}
}
