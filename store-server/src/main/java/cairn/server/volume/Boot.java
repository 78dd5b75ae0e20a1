package cairn.server.volume;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One use of a disk, by a machine that may be booting from it: notes what is touched, and has what will be touched read
 * ahead. Safe for threads; nothing here blocks.
 */
final class Boot implements AutoCloseable {
    private final BootRecorder recorder;
    private final Runnable left;
    private final AtomicBoolean hasLeft = new AtomicBoolean();

    /**
     * @param recorder null where this use is not recorded
     * @param left told once, when the user has left
     */
    Boot(BootRecorder recorder, Runnable left) {
        this.recorder = recorder;
        this.left = left;
    }

    /** A use of which nothing is to be known: as if its user had left. */
    static Boot unknown() {
        Boot unknown = new Boot(null, () -> {});
        unknown.close();
        return unknown;
    }

    /** A chunk that is present was read, by its position. */
    void touched(long position) {
        if (recorder != null) {
            recorder.touched(position);
        }
    }

    boolean hasLeft() {
        return hasLeft.get();
    }

    /** The user has left. */
    @Override
    public void close() {
        if (!hasLeft.compareAndSet(false, true)) {
            return;
        }
        if (recorder != null) {
            recorder.leave();
        }
        left.run();
    }
}
