package cairn.server.gc;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What the collector does, and has done.
 *
 * @param runs how many that were asked for have ended since the start
 * @param progress of what goes on; empty where nothing does
 * @param last what ended last since the start
 * @param condemnedBytes that the next cycle gives back, as far as is known
 * @param heldBytes that nothing refers to, and that unfinished uploads and other writers may still want
 * @param leases of uploads and other writers that there are
 * @param alarm why nothing is removed
 */
public record GcStatus(
        long runs,
        boolean isPaused,
        Optional<Progress> progress,
        Optional<Result> last,
        long condemnedBytes,
        long heldBytes,
        int leases,
        Optional<Alarm> alarm) {

    /** What is being done. */
    public enum Phase {
        /** Finding what lives. */
        MARKING,
        /** Taking rows out of the index. */
        REMOVING,
        /** Rewriting extents without what is dead. */
        REWRITING,
        /** Packing what has been there for a while. */
        SETTLING
    }

    /**
     * @param cycle of this run, from 1 on
     * @param pages marked so far
     * @param rowsRemoved from the index so far, in this run
     * @param doneBytes of the extents that are rewritten in this phase
     * @param totalBytes likewise
     * @param givenBackBytes so far, in this run
     * @param secondsLeft of this phase, as far as that can be told
     */
    public record Progress(
            Phase phase,
            Instant startedAt,
            int cycle,
            long pages,
            long rowsRemoved,
            long doneBytes,
            long totalBytes,
            long givenBackBytes,
            Optional<Long> secondsLeft) {}

    /**
     * @param pages that live
     * @param rowsRemoved from the index
     * @param givenBackBytes of segments, by taking out what was dead
     * @param packedBytes of segments, by packing smaller what lives; negative if they have grown by it
     * @param cpuMillis of the collecting thread
     * @param extentsRewritten whether to give space back or to pack them smaller
     * @param failures extents that could not be rewritten, the first of them; they are tried again
     * @param error why it ended before it was done
     */
    public record Result(
            Instant startedAt,
            Instant endedAt,
            long pages,
            long rowsRemoved,
            long givenBackBytes,
            long packedBytes,
            int extentsRewritten,
            int extentsFailed,
            long cpuMillis,
            List<String> failures,
            Optional<String> error) {}

    /**
     * An item was read that nothing should refer to.
     *
     * @param item its key
     * @param ordinal for people
     */
    public record Alarm(String item, String ordinal, Instant at) {}
}
