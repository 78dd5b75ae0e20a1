package cairn.server.volume;

import cairn.server.storage.DomainId;
import cairn.tree.TreeRoot;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * A writable volume in use: one for all who use it. Methods here may block, so they are not for event loops; those of
 * the {@link Volume}s that it gives do not.
 */
public interface LiveVolume extends AutoCloseable {
    /**
     * Gives the volume to one more client, who closes it when it leaves.
     *
     * @param mayWrite whether this client may
     * @param image that the volume was made from, of which this client may be a boot; empty: not to be known
     */
    Volume connect(boolean mayWrite, Optional<BootedImage> image);

    /** As {@link #connect(boolean, Optional)}, by who boots nothing. */
    default Volume connect(boolean mayWrite) {
        return connect(mayWrite, Optional.empty());
    }

    /** How many clients are connected. */
    int clients();

    /** Bytes of all blocks that are in no tree yet. */
    long dirtyBytes();

    /** As {@link #freeze(DomainId)}, for the domain in which the volume lies. */
    PointInTime freeze();

    /**
     * Takes what was written so far, by writes that are done, as the content of a snapshot; writers go on at once. One
     * at a time: waits until an earlier one is closed. After many that have failed it first stores what they would
     * have.
     *
     * @param into the dedup domain of the snapshot, and of the volume from then on; what it lacks of the base is
     *     adopted
     * @throws cairn.StoreException as {@link PointInTime#store}
     */
    PointInTime freeze(DomainId into);

    /** One of several volumes whose moment is to be the same: as {@link LiveVolume#freeze(DomainId)} has it. */
    record Freezing(LiveVolume volume, DomainId into) {}

    /** Ends this use, not those of others. */
    @Override
    void close();

    /** A volume at one moment. */
    interface PointInTime extends AutoCloseable {
        /** Bytes of the chunks that {@link #store} has to look at. */
        long dirtyBytes();

        /**
         * Makes the tree: adopts the base where it lies in another domain, hashes the chunks that were written to,
         * keeps those that are new, and the pages above them, and seals them, so that they survive a crash once a later
         * commit has returned. They stay until this is closed, and then as long as something refers to them.
         *
         * @param progress told how many bytes have been looked at since it was last told
         * @throws cairn.StoreException NO_SPACE, CORRUPT, SHUTTING_DOWN; then the volume goes on as if there had been
         *     no snapshot
         */
        TreeRoot store(LongConsumer progress);

        /** What the volume is made of once {@link #store} has made this tree: to be committed by the caller. */
        VolumeState after(TreeRoot tree);

        /**
         * Has the volume go on over its new base, and then gives the space of its old blocks back. Called once {@link
         * #after}'s state has been committed.
         */
        void committed(TreeRoot tree);

        /** Ends it. Without {@link #committed} the volume stays what it was. */
        @Override
        void close();
    }
}
