package cairn.bench;

import java.io.IOException;

/**
 * A server that is measured.
 *
 * @param opener starts it, or a fresh disk of it; what its disk holds is the same for all subjects
 */
record Subject(String name, Opener opener) {
    @FunctionalInterface
    interface Opener {
        Open open() throws IOException;
    }

    /** Where it is found until closed. */
    interface Open extends AutoCloseable {
        String uri();

        /** Where a client of a number finds a disk of its own, where each has one. */
        default String uri(int client) {
            return uri();
        }

        /** Of the server's process. */
        long pid();

        /** How many chunks it has read from its store so far; 0 for who has no chunks. */
        default long chunkLoads() {
            return 0;
        }

        @Override
        void close();
    }

    Open open() throws IOException {
        return opener.open();
    }
}
