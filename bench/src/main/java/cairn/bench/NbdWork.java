package cairn.bench;

import java.util.ArrayList;
import java.util.List;

/**
 * A kind of work that is given to an NBD server, by fio or nbdcopy.
 *
 * @param name for people
 * @param isWriting whether it changes the disk
 * @param isCold whether the server has just started, with nothing of its files in memory
 * @param fio options for fio; empty: nbdcopy copies the whole disk
 */
record NbdWork(String name, boolean isWriting, boolean isCold, List<String> fio) {
    static final List<NbdWork> READS = List.of(
            fio("4 KiB read QD1", false, "randread", "4k", 1),
            fio("4 KiB read QD32", false, "randread", "4k", 32),
            fio("64 KiB read QD8", false, "randread", "64k", 8),
            fio("1 MiB read in order QD4", false, "read", "1m", 4),
            new NbdWork("nbdcopy out", false, false, List.of()));

    /** That reads everything once, so that it stays cold to its end. */
    static final NbdWork COLD_COPY = new NbdWork("nbdcopy out, cold", false, true, List.of());

    /** Each on what the one before has left, so that the first ones write to blocks that nobody has written to. */
    static final List<NbdWork> WRITES = List.of(
            fio("4 KiB write QD1", true, "randwrite", "4k", 1),
            fio("4 KiB write QD32", true, "randwrite", "4k", 32),
            fio("4 KiB write QD1, flush each", true, "randwrite", "4k", 1, "--fsync=1"),
            fio("64 KiB write QD8", true, "randwrite", "64k", 8),
            fio("1 MiB write in order QD4", true, "write", "1m", 4),
            new NbdWork("nbdcopy in", true, false, List.of()));

    private static NbdWork fio(
            String name, boolean isWriting, String pattern, String blockSize, int depth, String... more) {
        List<String> options =
                new ArrayList<>(List.of("--rw=" + pattern, "--bs=" + blockSize, "--iodepth=" + depth));
        options.addAll(List.of(more));
        return new NbdWork(name, isWriting, false, List.copyOf(options));
    }

    boolean isCopy() {
        return fio.isEmpty();
    }
}
