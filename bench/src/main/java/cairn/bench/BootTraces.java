package cairn.bench;

import java.io.IOException;
import java.nio.file.Path;

/** Which reads are a boot of one of a family's disks. */
final class BootTraces {
    /** As many as a small Debian's boot has. */
    private static final int MADE_UP_READS = 1_000;
    /** What most of them have. */
    private static final int MADE_UP_BYTES = 16 << 10;

    private final DiskFamily family;
    /** Null: reads are made up. */
    private final BootTrace recorded;

    /** @param log that nbdkit wrote of a boot of any of them; null: there is none */
    BootTraces(DiskFamily family, Path log) throws IOException {
        this.family = family;
        this.recorded = log == null ? null : BootTrace.read(log);
    }

    BootTrace of(int number) {
        return recorded != null
                ? recorded
                : BootTrace.madeUp(family.dataChunks(number), MADE_UP_READS, MADE_UP_BYTES, 1);
    }

    boolean isMadeUp() {
        return recorded == null;
    }
}
