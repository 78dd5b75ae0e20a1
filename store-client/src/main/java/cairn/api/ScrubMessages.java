package cairn.api;

import java.util.List;

/** What is said of scrubs. As {@link Messages}. */
public final class ScrubMessages {
    private ScrubMessages() {}

    /** @param action {@code run}, {@code pause} or {@code resume} */
    public record ScrubAction(String action) {
        public static final String RUN = "run";
        public static final String PAUSE = "pause";
        public static final String RESUME = "resume";
    }

    /**
     * @param begunAt when the one under way began; absent while there is none
     * @param doneBytes of the one under way
     * @param totalBytes about what there is to be read
     * @param failure why the last one did not come to its end; absent if it did
     * @param last absent where there has been none
     * @param nextAt absent where none comes by itself
     */
    public record Scrub(
            String begunAt,
            boolean isPaused,
            long doneBytes,
            long totalBytes,
            String failure,
            Result last,
            String nextAt) {}

    /**
     * @param items chunks and pages that were read
     * @param bytes that were read of them
     * @param pages of trees that were looked at
     * @param recordsMade records of pages' children that could not be read, and were made anew
     * @param problems of other kinds than damaged items
     */
    public record Result(
            String begunAt,
            String endedAt,
            long items,
            long bytes,
            long pages,
            long recordsMade,
            long damagedItems,
            long damagedDisks,
            long problems) {}

    /**
     * What is damaged now. Lists have limits, counts are exact.
     *
     * @param damagedItems that can be asked for, and that nobody can read
     * @param unusedItems how many of them are in no disk
     * @param items the first of them
     * @param disks what they are part of
     * @param problems everything else that is wrong, in words
     */
    public record Damage(
            long damagedItems,
            long unusedItems,
            List<DamagedItem> items,
            long damagedDisks,
            List<DamagedDisk> disks,
            long problemsFound,
            List<String> problems) {}

    /** @param item its kind and id @param uses some of the places in disks where it is */
    public record DamagedItem(String item, String why, List<Use> uses) {}

    public record Use(String disk, long offset, long lengthBytes) {}

    /**
     * @param id of a snapshot or a volume
     * @param kind {@code snapshot}, {@code volume}, or what else keeps it
     * @param owner absent where nobody does
     * @param images made of it
     * @param ranges the first that cannot be read, in order, neighbours joined
     * @param damagedRanges how many there are
     */
    public record DamagedDisk(
            String id,
            String kind,
            String owner,
            List<DamagedImage> images,
            List<Messages.Range> ranges,
            long damagedRanges,
            long damagedBytes) {}

    public record DamagedImage(String id, String name, String owner) {}
}
