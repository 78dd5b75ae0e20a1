package cairn.server.image;

import cairn.image.InstanceId;
import cairn.image.Region;
import cairn.server.account.Encryption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What EC2 says of a volume, beside its content.
 *
 * @param zone in which it may be attached
 * @param type as EC2 names it: gp3 and the like; here they are all the same
 * @param iops as somebody has asked for; nobody measures them
 * @param throughput likewise, in MiB a second
 * @param isMultiAttach several instances may have it at once
 * @param isEncrypted as {@link SnapshotSettings#isEncrypted}
 * @param keyId as {@link SnapshotSettings#keyId}
 * @param attachments one for each instance that has it
 * @param recycled it lies in the recycle bin
 */
public record VolumeSettings(
        String zone,
        String type,
        Optional<Integer> iops,
        Optional<Integer> throughput,
        boolean isMultiAttach,
        boolean isEncrypted,
        Optional<String> keyId,
        List<VolumeAttachment> attachments,
        Optional<Recycled> recycled) {
    public static final String DEFAULT_TYPE = "gp3";

    /** @param attachments null in records that were made before there were any */
    public VolumeSettings {
        attachments = attachments == null ? List.of() : List.copyOf(attachments);
    }

    /** Of a volume of which nothing is said. */
    public static VolumeSettings in(Region region) {
        return in(region + "a");
    }

    /** Of a volume of which nothing is said but where it is. */
    public static VolumeSettings in(String zone) {
        return new VolumeSettings(
                zone,
                DEFAULT_TYPE,
                Optional.empty(),
                Optional.empty(),
                false,
                false,
                Optional.empty(),
                List.of(),
                Optional.empty());
    }

    /** @param newIops empty: what the type has */
    public VolumeSettings withType(String newType, Optional<Integer> newIops, Optional<Integer> newThroughput) {
        return new VolumeSettings(
                zone, newType, newIops, newThroughput, isMultiAttach, isEncrypted, keyId, attachments, recycled);
    }

    public VolumeSettings withRecycled(Optional<Recycled> newRecycled) {
        return new VolumeSettings(
                zone, type, iops, throughput, isMultiAttach, isEncrypted, keyId, attachments, newRecycled);
    }

    public VolumeSettings withMultiAttach(boolean isMulti) {
        return new VolumeSettings(zone, type, iops, throughput, isMulti, isEncrypted, keyId, attachments, recycled);
    }

    /** Encrypted as is said, or as before: it is never taken back. */
    public VolumeSettings with(Encryption.Choice newEncryption) {
        Encryption.Choice encrypted = newEncryption.over(encryption());
        return new VolumeSettings(
                zone,
                type,
                iops,
                throughput,
                isMultiAttach,
                encrypted.isEncrypted(),
                encrypted.keyId(),
                attachments,
                recycled);
    }

    public Encryption.Choice encryption() {
        return new Encryption.Choice(isEncrypted, keyId);
    }

    public Optional<VolumeAttachment> findAttachment(InstanceId instance) {
        return attachments.stream().filter(each -> each.instance().equals(instance)).findFirst();
    }

    /** With one attachment more, or in place of the one to the same instance. */
    public VolumeSettings with(VolumeAttachment attachment) {
        return withAttachments(Stream.concat(
                attachments.stream().filter(each -> !each.instance().equals(attachment.instance())),
                Stream.of(attachment)));
    }

    public VolumeSettings without(InstanceId instance) {
        return withAttachments(attachments.stream().filter(each -> !each.instance().equals(instance)));
    }

    private VolumeSettings withAttachments(Stream<VolumeAttachment> newOnes) {
        return new VolumeSettings(
                zone, type, iops, throughput, isMultiAttach, isEncrypted, keyId, newOnes.toList(), recycled);
    }
}
