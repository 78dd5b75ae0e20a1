package cairn.server;

import cairn.qemu.QemuCommandLine.Kernel;
import java.time.Duration;
import java.util.Optional;

/**
 * How instances' machines are run.
 *
 * @param isQemu new ones in QEMU on this host; else by the operator. Those that are there stay what they are
 * @param machinesMax most that run in QEMU at a time
 * @param patience how long a machine that is asked to end may take
 * @param kernel what QEMU boots, for disks without a boot loader; empty: what is on the disk
 */
public record Launching(boolean isQemu, int machinesMax, Duration patience, Optional<Kernel> kernel) {
    public static final int DEFAULT_MACHINES_MAX = 16;
    public static final Duration DEFAULT_PATIENCE = Duration.ofMinutes(2);
    /** The operator runs them. */
    public static final Launching NONE =
            new Launching(false, DEFAULT_MACHINES_MAX, DEFAULT_PATIENCE, Optional.empty());
}
