package cairn.server.scrub;

import cairn.tree.RootDigest;
import java.util.List;
import java.util.function.Consumer;

/** What images say of themselves, as far as it can be proven. */
@FunctionalInterface
public interface ImageFacts {
    /** Of a store without images. */
    ImageFacts NONE = (images, problems) -> {};

    /** A disk as an image's manifest has it. */
    record Disk(String snapshot, RootDigest root, long sizeBytes) {}

    /** An image whose signature is good. */
    record Image(String id, String name, String owner, List<Disk> disks) {}

    /** @param problems told of each image that cannot be read, or is not what this store has signed */
    void forEach(Consumer<Image> images, Consumer<String> problems);
}
