package cairn.server.ec2;

import cairn.Text;
import cairn.image.ImageId;
import cairn.image.InstanceId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kinds of things that have ids, and how EC2 says that an id is none, or nobody's. */
public enum ResourceKind {
    IMAGE("image", "ami-", "InvalidAMIID", "InvalidAMIID", "The image id '[%s]' does not exist",
            "The image ids '[%s]' do not exist"),
    SNAPSHOT("snapshot", "snap-", "InvalidSnapshotID", "InvalidSnapshot", "The snapshot '%s' does not exist.",
            "The snapshots '%s' do not exist."),
    VOLUME("volume", "vol-", "InvalidVolumeID", "InvalidVolume", "The volume '%s' does not exist.",
            "The volumes '%s' do not exist."),
    INSTANCE("instance", "i-", "InvalidInstanceID", "InvalidInstanceID", "The instance ID '%s' does not exist",
            "The instance IDs '%s' do not exist");

    /** AWS took 8 digits once; such ids are well-formed there, and nobody has one here. */
    private static final String DIGITS = "(?:[0-9a-f]{8}|[0-9a-f]{17})";
    private static final Pattern ANY_ID = Pattern.compile("\\b(?:ami|snap|vol|i)-[0-9a-f]{17}\\b");

    private final String wireName;
    private final String prefix;
    private final String malformedCode;
    private final String notFoundCode;
    private final String oneNotFound;
    private final String severalNotFound;
    private final Pattern form;

    ResourceKind(
            String wireName,
            String prefix,
            String malformed,
            String notFound,
            String oneNotFound,
            String severalNotFound) {
        this.wireName = wireName;
        this.prefix = prefix;
        this.malformedCode = malformed + ".Malformed";
        this.notFoundCode = notFound + ".NotFound";
        this.oneNotFound = oneNotFound;
        this.severalNotFound = severalNotFound;
        this.form = Pattern.compile(prefix + DIGITS);
    }

    /** As ResourceType and the filter resource-type name it. */
    public String wireName() {
        return wireName;
    }

    /** What ids of this kind begin with, the hyphen included. */
    public String prefix() {
        return prefix;
    }

    /** @throws IllegalArgumentException for an unknown name */
    static ResourceKind named(String wireName) {
        return Arrays.stream(values())
                .filter(each -> each.wireName.equals(wireName))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no kind of resource is named " + wireName));
    }

    /** The kind that an id is of, by its prefix. */
    static Optional<ResourceKind> of(String id) {
        return Arrays.stream(values()).filter(each -> id.startsWith(each.prefix)).findFirst();
    }

    boolean isId(String text) {
        return form.matcher(text).matches();
    }

    Ec2Failure malformed(String text) {
        return new Ec2Failure(
                malformedCode, "Invalid id: \"" + Text.shown(text) + "\" (expecting \"" + prefix + "...\")");
    }

    /** @param ids at least one */
    public Ec2Failure notFound(List<String> ids) {
        return new Ec2Failure(
                notFoundCode, String.format(ids.size() == 1 ? oneNotFound : severalNotFound, String.join(", ", ids)));
    }

    public Ec2Failure notFound(String id) {
        return notFound(List.of(id));
    }

    /** What a message says is not there, as EC2 says it; nothing if it names no id. */
    static Optional<Ec2Failure> findIn(String message) {
        Matcher matcher = ANY_ID.matcher(message);
        return matcher.find() ? of(matcher.group()).map(kind -> kind.notFound(matcher.group())) : Optional.empty();
    }

    /** @throws Ec2Failure InvalidAMIID.NotFound for one that cannot be ours, Malformed for what is none */
    public static ImageId imageId(String text) {
        IMAGE.requireOurs(text);
        return new ImageId(text);
    }

    /** @throws Ec2Failure InvalidSnapshot.NotFound for one that cannot be ours, Malformed for what is none */
    public static SnapshotId snapshotId(String text) {
        SNAPSHOT.requireOurs(text);
        return new SnapshotId(text);
    }

    /** @throws Ec2Failure InvalidVolume.NotFound for one that cannot be ours, Malformed for what is none */
    public static VolumeId volumeId(String text) {
        VOLUME.requireOurs(text);
        return new VolumeId(text);
    }

    /** @throws Ec2Failure InvalidInstanceID.NotFound for one that cannot be ours, Malformed for what is none */
    public static InstanceId instanceId(String text) {
        INSTANCE.requireOurs(text);
        return new InstanceId(text);
    }

    private void requireOurs(String text) {
        if (!isId(text)) {
            throw malformed(text);
        }
        if (!isOurs(text)) {
            throw notFound(text);
        }
    }

    /** Whether it has the form that ids have here. */
    boolean isOurs(String text) {
        return isId(text)
                && ANY_ID.matcher(text).matches()
                && (this != VOLUME || VolumeId.isVolumeId(text))
                && (this != INSTANCE || InstanceId.isInstanceId(text));
    }
}
