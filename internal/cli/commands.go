package cli

import "github.com/spf13/cobra"

// commands returns everything parley can do.
func (p *program) commands() []*cobra.Command {
	return append(p.consoleCommands(),
		p.serveCommand(),
		p.chatCommand(openTerminal),
		p.configCommand(),
		p.conversationsCommand(),
		p.statsCommand(),
		p.cleanupCommand(),
		p.vacuumCommand(),
		p.backupCommand(),
		p.restoreCommand(),
		p.migrateCommand(),
		p.memoryCommand(),
		p.eventsCommand(),
		p.pairingCommand(),
		p.toolsCommand(),
		p.setupCommand(),
		p.doctorCommand(),
		p.healthCommand(),
		p.tokenCommand(),
		p.versionCommand(),
	)
}
