package cairn.bench;

import cairn.bench.MeasuredProgram.Used;
import java.io.IOException;
import java.nio.file.Path;

/** A system that keeps disks, each part of which it keeps once; with a fresh repository of its own. */
interface Archive extends AutoCloseable {
    /** A disk that came back. @param file where it is now */
    record Restored(Used used, Path file) {}

    /**
     * Takes a disk in, reading all of it: that a file of this name was there before is no shortcut.
     *
     * @param number of this turn; each has another
     */
    Used put(Path disk, int number) throws IOException;

    /**
     * Gives back what was put in a turn.
     *
     * @param disk that it was
     * @param folder an empty one
     */
    Restored get(Path disk, int number, Path folder) throws IOException;

    /** The folder that holds all it keeps. */
    Path repository();

    @Override
    void close();
}
