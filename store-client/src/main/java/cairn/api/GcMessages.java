package cairn.api;

import java.util.List;

/** Messages about the collection of garbage, for root alone. Times are in ISO 8601. */
public final class GcMessages {
    public static final String RUN = "run";
    public static final String DRY_RUN = "dry-run";
    public static final String PAUSE = "pause";
    public static final String RESUME = "resume";
    public static final String CLEAR_ALARM = "clear-alarm";

    private GcMessages() {}

    /**
     * Asks for something to be done.
     *
     * @param action one of those above
     * @param isEndingUploads with a run: unfinished uploads end before it, so that what they have sent can go; may be
     *     absent
     */
    public record Act(String action, Boolean isEndingUploads) {}

    /**
     * What was done.
     *
     * @param run the number of the run that will do it; absent for other actions
     * @param uploadsEnded with a run; else absent
     * @param dryRun absent for other actions
     * @param status after it
     */
    public record Done(Long run, Integer uploadsEnded, DryRun dryRun, Status status) {}

    /**
     * What a run would do now.
     *
     * @param givenBackBytes of segments
     * @param extentsDropped files that would go as a whole
     * @param extentsRewritten without what nothing refers to
     * @param leftBytes that lie too thinly among others to be worth it
     * @param heldBytes that nothing refers to, and that who is writing may still want
     */
    public record DryRun(
            long givenBackBytes, int extentsDropped, int extentsRewritten, long leftBytes, long heldBytes) {}

    /**
     * What is done and was done.
     *
     * @param state {@code idle}, {@code running}, {@code paused}, or {@code alarm}: nothing is removed any more
     * @param runs that were asked for and have ended, since the server's start
     * @param progress absent while nothing is done
     * @param last what ended last since the server's start; absent where nothing has
     * @param condemnedBytes that the next cycle gives back, as far as is known
     * @param heldBytes that nothing refers to, and that who is writing may still want
     * @param uploads unfinished ones
     * @param uploadsUntil when the last of them ends by itself; absent where there is none
     * @param alarm absent while there is none
     */
    public record Status(
            String state,
            long runs,
            Progress progress,
            Result last,
            long condemnedBytes,
            long heldBytes,
            int uploads,
            String uploadsUntil,
            Alarm alarm) {}

    /**
     * How far it is.
     *
     * @param phase {@code marking}, {@code removing}, {@code rewriting} or {@code settling}
     * @param cycle of this run, from 1 on
     * @param pages marked so far in this cycle
     * @param rowsRemoved from the index so far in this run
     * @param doneBytes of what is rewritten in this phase
     * @param totalBytes likewise
     * @param givenBackBytes so far in this run
     * @param secondsLeft of this phase; absent while nobody can tell
     */
    public record Progress(
            String phase,
            String startedAt,
            int cycle,
            long pages,
            long rowsRemoved,
            long doneBytes,
            long totalBytes,
            long givenBackBytes,
            Long secondsLeft) {}

    /**
     * What one run has done.
     *
     * @param givenBackBytes of segments, by taking out what was dead
     * @param packedBytes of segments, by packing smaller what lives; negative if they have grown by it
     * @param cpuMillis of the thread that collects
     * @param extentsFailed that could not be rewritten, and are tried again
     * @param failures why, of the first of them
     * @param error why it ended before it was done; absent if it did not
     */
    public record Result(
            String startedAt,
            String endedAt,
            long pages,
            long rowsRemoved,
            long givenBackBytes,
            long packedBytes,
            int extentsRewritten,
            int extentsFailed,
            long cpuMillis,
            List<String> failures,
            String error) {}

    /**
     * An item was read that was to be removed.
     *
     * @param item which
     * @param place where it lies
     */
    public record Alarm(String item, String place, String at) {}
}
