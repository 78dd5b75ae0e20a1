package cairn.server.gc;

import cairn.image.AccountId;
import cairn.image.Region;
import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Something that can be removed, and keeps trees until it is.
 *
 * @param id of an image, snapshot or volume
 * @param name for people; perhaps empty
 * @param pending of a snapshot that is being written: the blocks it has so far
 * @param stays what would keep its trees although it were removed, or does, as it has been
 */
public record Holder(
        Kind kind,
        String id,
        String name,
        AccountId account,
        Region region,
        List<Tree> trees,
        Optional<Pending> pending,
        List<Stay> stays) {

    /** What it is. Snapshots that an image names are the image's. */
    public enum Kind {
        IMAGE("image"),
        SNAPSHOT("snapshot"),
        VOLUME("volume"),
        /** A snapshot that is being written block by block. */
        UPLOAD("upload");

        private final String word;

        Kind(String word) {
            this.word = word;
        }

        @Override
        public String toString() {
            return word;
        }
    }

    /**
     * A tree that it keeps.
     *
     * @param id of the snapshot or volume whose it is
     * @param sizeBytes of that; a volume may have grown beyond its tree
     * @param domain where it is found
     * @param root of a snapshot that is being written: what shows where no block has been written
     */
    public record Tree(String id, long sizeBytes, DomainId domain, TreeRoot root) {}

    /** Blocks that are in no tree yet. @param number by which their rows are kept */
    public record Pending(DomainId domain, long number) {}

    /** What keeps something until a moment: the recycle bin, or a lock. @param id of the image, snapshot or volume */
    public record Stay(String why, String id, Instant until) {
        public static final String RECYCLE_BIN = "recycle bin";
        public static final String LOCK = "lock";
    }

    public Holder {
        trees = List.copyOf(trees);
        stays = List.copyOf(stays);
    }
}
