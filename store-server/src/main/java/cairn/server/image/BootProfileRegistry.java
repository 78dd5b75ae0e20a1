package cairn.server.image;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.CORRUPT;

import cairn.StoreException;
import cairn.image.ImageId;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import cairn.server.volume.BootProfile;
import cairn.server.volume.BootProfiles;
import cairn.server.volume.BootRecording;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The boot profiles of a store's images, one record each; it goes with its image. A profile holds for every image made
 * from that one, because a child's disk has what it did not change in the same places. Safe for threads.
 */
public final class BootProfileRegistry implements BootProfiles {
    /** How far up an image's lineage a profile is looked for. */
    static final int ANCESTORS_MAX = 32;
    /** How often a change is tried again that others came before. */
    private static final int TRIES_MAX = 16;
    private static final String PREFIX = "boot-profile/";

    private static final Logger log = LoggerFactory.getLogger(BootProfileRegistry.class);

    private final Catalog catalog;

    public BootProfileRegistry(Catalog catalog) {
        this.catalog = catalog;
    }

    static String key(ImageId image) {
        return PREFIX + image;
    }

    @Override
    public Optional<BootProfile> find(ImageId image) {
        Optional<ImageId> at = Optional.of(image);
        for (int ancestors = 0; at.isPresent() && ancestors <= ANCESTORS_MAX; ancestors++) {
            Optional<BootProfile> own = findOwn(at.get());
            if (own.isPresent()) {
                return own;
            }
            at = parentOf(at.get());
        }
        return Optional.empty();
    }

    private Optional<BootProfile> findOwn(ImageId image) {
        return catalog.find(key(image)).map(entry -> BootProfileRecords.decode(image, entry));
    }

    private Optional<ImageId> parentOf(ImageId image) {
        return catalog.find(ImageRegistry.key(image))
                .flatMap(entry -> ImageRecords.image(entry).manifest().parent());
    }

    @Override
    public void add(ImageId image, BootRecording recording) {
        for (int tries = 1; isThere(image); tries++) {
            try {
                catalog.commit(List.of(adding(image, recording)));
                break;
            } catch (StoreException e) {
                if (e.fault() != CONFLICT || tries == TRIES_MAX) {
                    throw e;
                }
            }
        }
        if (!isThere(image)) {
            // It was removed meanwhile, perhaps before there was a profile to remove with it.
            catalog.find(key(image))
                    .ifPresent(entry -> catalog.commit(List.of(new Change.Delete(entry.key(), entry.version()))));
        }
    }

    private boolean isThere(ImageId image) {
        return catalog.find(ImageRegistry.key(image)).isPresent();
    }

    private Change adding(ImageId image, BootRecording recording) {
        Optional<Catalog.Entry> before = catalog.find(key(image));
        BootProfile with = before.map(entry -> decodeOrBegin(image, entry))
                .orElse(new BootProfile(image, 0, List.of()))
                .with(recording);
        byte[] value = BootProfileRecords.encode(with);
        return before.isPresent()
                ? new Change.PutIfVersion(key(image), before.get().version(), value)
                : new Change.PutIfAbsent(key(image), value);
    }

    /** What is damaged is begun anew: it was only ever a guess. */
    private static BootProfile decodeOrBegin(ImageId image, Catalog.Entry entry) {
        try {
            return BootProfileRecords.decode(image, entry);
        } catch (StoreException e) {
            if (e.fault() != CORRUPT) {
                throw e;
            }
            log.warn("a boot profile is damaged and begun anew: {}", e.getMessage());
            return new BootProfile(image, 0, List.of());
        }
    }
}
