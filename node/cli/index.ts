/** Pieces of the command line. */
export { runShell, SHELL_HELP, type ShellStreams } from './shell.ts';
