package cairn.server.image;

import cairn.image.InstanceId;
import cairn.image.VolumeId;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Which volumes each instance may have: those that it has, and some that it is about to get or has not got after all.
 * The volumes' records decide. In memory, so that nobody reads all volumes to find a few. Safe for threads.
 */
final class AttachedVolumes {
    private final Map<InstanceId, Set<VolumeId>> ofInstances = new ConcurrentHashMap<>();

    /** To be called before a record is committed that says so. */
    void add(RegisteredVolume volume) {
        volume.settings().attachments().forEach(each -> add(each.instance(), volume.id()));
    }

    void add(InstanceId instance, VolumeId volume) {
        ofInstances.compute(instance, (id, known) -> {
            Set<VolumeId> volumes = known == null ? ConcurrentHashMap.newKeySet() : known;
            volumes.add(volume);
            return volumes;
        });
    }

    /** To be called after a record has been committed that says so. */
    void remove(InstanceId instance, VolumeId volume) {
        ofInstances.computeIfPresent(instance, (id, volumes) -> {
            volumes.remove(volume);
            return volumes.isEmpty() ? null : volumes;
        });
    }

    /** In the order of their ids. */
    List<VolumeId> of(InstanceId instance) {
        return ofInstances.getOrDefault(instance, Set.of()).stream()
                .sorted(Comparator.comparing(VolumeId::value))
                .toList();
    }
}
