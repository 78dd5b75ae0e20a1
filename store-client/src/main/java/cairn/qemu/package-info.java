/**
 * Machines in QEMU's words: what there is on a host to run them, their disks over NBD, their command line.
 *
 * <p>Start at {@link cairn.qemu.QemuCommandLine}. Nothing here starts a process: whoever does decides where the
 * machine's serial line goes, and when the machine ends.
 */
package cairn.qemu;
