package cairn.api;

import cairn.Fault;
import java.util.List;
import java.util.Map;

/** The JSON messages of our own API. Ids and digests are text, sizes count bytes, times are ISO 8601 in UTC. */
public final class Messages {
    private Messages() {}

    /** What went wrong. */
    public record Failure(Fault fault, String message) {}

    /** @param publicKey the Ed25519 key that signs images, in hexadecimal digits */
    public record StoreInfo(String version, int chunkBytes, String publicKey, String account) {}

    /**
     * @param name of the image that it is to become: asked for now, a name that is taken is told before anything is
     * sent;
     *     may be absent
     * @param parent of that image, likewise
     */
    public record StartUpload(long sizeBytes, String name, String parent) {
        public StartUpload(long sizeBytes) {
            this(sizeBytes, null, null);
        }
    }

    /** @param leaseUntil what was sent is kept until then at least, and longer while more is sent */
    public record Upload(String id, long sizeBytes, String startedAt, String leaseUntil) {}

    /**
     * Ends an upload: everything below the top page has been sent.
     *
     * @param topPage the id of the tree's top page; zeros for a disk of zeros
     * @param rootDigest what the client computed; the store computes it too, and refuses another
     * @param bootMode may be absent
     * @param parent the image that this one was derived from; may be absent
     */
    public record CommitUpload(
            String topPage,
            String rootDigest,
            String name,
            String description,
            String architecture,
            String bootMode,
            String parent,
            Map<String, String> tags) {}

    /**
     * An image as its owner, or somebody that it is shared with, sees it.
     *
     * @param sharedWith accounts; absent for all but its owner and root, as its tags are
     * @param rootDigest of the root device
     * @param parent absent for a root image
     * @param lineage its parent, whose parent, and so on up to a root image; absent but where this image is shown
     */
    public record Image(
            String id,
            String name,
            String description,
            String owner,
            String region,
            String state,
            String architecture,
            String bootMode,
            String rootDevice,
            String parent,
            String createdAt,
            String snapshot,
            long sizeBytes,
            String rootDigest,
            boolean isPublic,
            List<String> sharedWith,
            Map<String, String> tags,
            List<Ancestor> lineage) {}

    /** @param name absent where the image is gone, or not the asker's to see; then it is the last that is known */
    public record Ancestor(String id, String name) {}

    /** @param signedManifest as cairn.image.SignedManifest encodes it, in Base64 */
    public record ImageProof(String id, String signedManifest) {}

    /**
     * What is known of an image's boots, and how well the profile has foreseen those of the recordings that began when
     * there was one already. Chunks are counted once for each of these boots.
     *
     * @param inheritedFrom the nearest image that this one was made from and has a profile; absent where it is this
     *     image's own, or there is none
     * @param boots that were recorded, ever; 0 where there is no profile
     * @param recordings the last of them, from which the profile is made
     * @param chunks that the next boot is expected to touch
     * @param bytes of these chunks
     * @param foreseenBoots how many recordings began when there was a profile
     * @param touchedChunks that these boots touched
     * @param namedChunks that the profile named for them
     * @param hitChunks that it named and they touched
     * @param aheadChunks that were loaded for them before they asked
     * @param aheadHitChunks that were loaded so, and touched
     */
    public record BootProfile(
            String id,
            String inheritedFrom,
            long boots,
            int recordings,
            long chunks,
            long bytes,
            int foreseenBoots,
            long touchedChunks,
            long namedChunks,
            long hitChunks,
            long aheadChunks,
            long aheadHitChunks) {}

    /**
     * @param state {@code pending} while it is made, {@code completed}, or {@code error}
     * @param startedAt the moment at which the disk was as the snapshot has it
     * @param volume that it was made of; absent for one that was uploaded
     * @param image that names it; absent where there is none
     * @param rootDigest absent unless completed
     * @param topPage likewise
     * @param progressPercent only while it is made
     * @param changedBytes only while it is made: of the chunks that have to be looked at; 0 while it waits for an
     *     earlier snapshot of its volume
     * @param failure why it could not be made
     * @param sharedWith accounts; absent for all but its owner and root, as its tags are
     */
    public record Snapshot(
            String id,
            String owner,
            String region,
            String state,
            String startedAt,
            String description,
            String volume,
            String parent,
            String image,
            long sizeBytes,
            String rootDigest,
            String topPage,
            Integer progressPercent,
            Long changedBytes,
            String failure,
            boolean isPublic,
            List<String> sharedWith,
            Map<String, String> tags) {
        public static final String PENDING = "pending";
        public static final String COMPLETED = "completed";
        public static final String ERROR = "error";
    }

    /** @param next ask for what comes after this id; absent at the end */
    public record SnapshotList(List<Snapshot> snapshots, String next) {}

    /**
     * @param source the image or snapshot that the volume begins as; absent: zeros
     * @param sizeBytes at least the source's; absent: as many
     * @param isReadOnly absent: it is not
     * @param isEphemeral whether it goes when the last client leaves; absent: it stays
     * @param tags may be absent
     */
    public record CreateVolume(
            String source, Long sizeBytes, Boolean isReadOnly, Boolean isEphemeral, Map<String, String> tags) {}

    /**
     * @param state {@code available}, or {@code in-use} while somebody has it open
     * @param image that it was made from, or the last that was made of it; absent where there is none
     * @param snapshot likewise
     * @param dirtyBytes written since that snapshot; absent where several volumes are listed
     */
    public record Volume(
            String id,
            String owner,
            String region,
            String state,
            long sizeBytes,
            String image,
            String snapshot,
            boolean isReadOnly,
            boolean isEphemeral,
            String createdAt,
            int clients,
            Long dirtyBytes,
            Map<String, String> tags) {}

    /** @param next ask for what comes after this id; absent at the end */
    public record VolumeList(List<Volume> volumes, String next) {}

    /** Asks for a snapshot of a volume; all may be absent. */
    public record CreateSnapshot(String description, Map<String, String> tags) {}

    /**
     * Asks for a snapshot of a volume, and an image of that.
     *
     * @param description may be absent, as all that follow
     * @param architecture absent: that of the volume's image, or x86_64 for a volume that never had one
     * @param bootMode likewise
     */
    public record CreateImage(
            String name, String description, String architecture, String bootMode, Map<String, String> tags) {}

    /** @param next ask for what comes after this id; absent at the end */
    public record ImageList(List<Image> images, String next) {}

    /** A run of bytes that differ. */
    public record Range(long offset, long lengthBytes) {}

    /** @param next the offset to go on from; absent at the end */
    public record Diff(String first, String second, List<Range> ranges, Long next) {}

    /**
     * How an export is opened.
     *
     * @param uri over TCP, with its ticket
     * @param socketUri over the unix socket; absent where the server has none
     */
    public record ExportUri(String id, String uri, String socketUri, String validUntil) {}

    /**
     * What the store holds.
     *
     * @param logicalBytes sum of the sizes of all snapshots
     * @param uniqueBytes plain bytes of all chunks kept
     * @param storedBytes on disk, everything counted
     * @param dirtyBytes on disk, for what volumes have that no snapshot of them has
     * @param chunkLoads chunks that were read from the store for volumes since the server started, all others having
     *     been in memory
     * @param lastScrub absent where there has been none
     */
    public record Stats(
            int images,
            int snapshots,
            int volumes,
            long logicalBytes,
            long chunks,
            long uniqueBytes,
            long storedBytes,
            long segmentBytes,
            long indexBytes,
            long dirtyBytes,
            long usableBytes,
            long chunkLoads,
            ScrubMessages.Result lastScrub) {}

    /**
     * Changes whom an image or a snapshot is shared with; all may be absent.
     *
     * @param isPublic whether everybody may use it; absent: as before
     * @param add accounts that may use it from now on
     * @param remove accounts that may not any more
     */
    public record ChangeSharing(Boolean isPublic, List<String> add, List<String> remove) {}

    /** Changes tags; all may be absent. @param put new values @param remove keys, before the new values are put */
    public record ChangeTags(Map<String, String> put, List<String> remove) {}

    /**
     * Asks for a copy, the caller's own, which takes no space; all may be absent.
     *
     * @param name of the image; absent: the source's
     * @param region where the copy will lie; absent: where the source does
     */
    public record CreateCopy(String name, String region) {}

    public record CreateAccount(String name) {}

    public record Account(String id, String name, String state, String createdAt) {}

    public record AccountList(List<Account> accounts) {}

    /** @param account whose key it will be; absent: the caller's own */
    public record CreateKey(String account) {}

    /** @param secretAccessKey shown once, when the key is made; else absent */
    public record Key(String id, String account, String state, String createdAt, String secretAccessKey) {}

    public record KeyList(List<Key> keys) {}

    /** @param state {@code active} or {@code disabled} */
    public record ChangeKey(String state) {}
}
