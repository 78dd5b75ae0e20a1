package cairn.server.storage;

import java.util.List;
import java.util.function.LongConsumer;

/** The files that storage consists of, as they lie on the disk: what caches and open files would hide is seen here. */
@FunctionalInterface
public interface StoredFiles {
    /** Storage without files. */
    StoredFiles NONE = used -> List.of();

    /**
     * A file that does not prove itself.
     *
     * @param name within the data folder
     * @param holds what it is part of
     */
    record DamagedFile(String name, String holds, String why) {}

    /**
     * Reads files anew and checks their own checksums; of those that hold items only what is needed to open them, for
     * items say themselves whether they are damaged, and those that nobody asks for any more, healed ones among them,
     * need not be whole. Files that go meanwhile are passed over.
     *
     * @param used told how many bytes were read; may wait, and what it throws ends this
     */
    List<DamagedFile> check(LongConsumer used);

    /** Where items may have lain in files that, since the storage was opened, were taken out of it as unreadable. */
    default OrdinalSet setAside() {
        return new OrdinalSet();
    }
}
