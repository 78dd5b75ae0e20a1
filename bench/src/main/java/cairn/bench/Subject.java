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

        @Override
        void close();
    }

    Open open() throws IOException {
        return opener.open();
    }
}
