/**
 * The command line: one class for each command.
 *
 * <p>Start at {@link cairn.cli.Main}, which lists them. Always true: results go to stdout, everything else to stderr;
 * 0 is done, 1 failed, 2 wrong usage; a failure is one line that says what to do. Scripts rely on all of it.
 */
package cairn.cli;
