package cairn.bench;

import java.io.IOException;

/** A server that is measured. */
interface Subject {
    String name();

    /** Starts it, or a fresh disk of it; what its disk holds is the same for all subjects. */
    Open open() throws IOException;

    /** Where it is found until closed. */
    interface Open extends AutoCloseable {
        String uri();

        @Override
        void close();
    }

    /** Makes a subject of a name and what opens it. */
    static Subject of(String name, Opener opener) {
        return new Subject() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Open open() throws IOException {
                return opener.open();
            }
        };
    }

    /** Opens a subject. */
    @FunctionalInterface
    interface Opener {
        Open open() throws IOException;
    }
}
