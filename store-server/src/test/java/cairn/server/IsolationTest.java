package cairn.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import cairn.Digest;
import cairn.api.Api;
import cairn.api.ItemBatch;
import cairn.api.Json;
import cairn.api.Messages;
import cairn.chunk.ChunkCodec;
import cairn.chunk.ChunkId;
import cairn.chunk.Codec;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.ImageId;
import cairn.image.SnapshotId;
import cairn.image.VolumeId;
import cairn.server.account.Tickets;
import cairn.server.storage.Storage;
import cairn.server.storage.TestDisk;
import cairn.server.storage.rocks.RocksStorage;
import cairn.sigv4.PayloadHash;
import cairn.sigv4.SigV4Signer;
import cairn.sigv4.SignableRequest;
import cairn.sigv4.SignableRequest.Header;
import cairn.tree.Page;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.services.ebs.EbsClient;

/**
 * What one account keeps to itself does not exist for another: every door answers questions about it, byte for byte, as
 * it answers them about what never was.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class IsolationTest {
    private static final Path DOCUMENT = Path.of("../docs/formats.md");
    private static final Pattern ENDPOINT = Pattern.compile("\\| `([A-Z]+) ([^`]*\\bID\\b[^`]*)` \\|([^|]*)\\|.*");
    private static final Pattern REQUEST_ID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
    private static final String NAME = "a secret name";
    private static final String TAG = "a secret tag";
    private static final int DISK_BYTES = 3 << 20;

    /** Something of the owner's, and something of the same form that never was. */
    private record Pair(String there, String never) {}

    private TestStore store;
    private Tickets tickets;
    private TestStore.Somebody owner;
    private TestStore.Somebody other;
    private Messages.Image image;
    private final Map<String, Pair> pairs = new TreeMap<>();
    private final HttpClient http = HttpClient.newHttpClient();

    @BeforeAll
    void start(@TempDir Path folder) throws Exception {
        Path data = folder.resolve("data");
        new TestStore(data).close();
        try (Storage storage = RocksStorage.open(data)) {
            tickets = new Tickets(StoreSecrets.readOrCreate(storage.catalog()).ticketKey(), Clock.systemUTC());
        }
        store = new TestStore(data);
        owner = store.newAccount("owner");
        other = store.newAccount("other");
        StoreClient client = owner.user().store();
        TestDisk content = TestDisk.random(7, DISK_BYTES);
        Path disk = Files.write(folder.resolve("disk"), content.bytes());
        image = new StoreUser(client, folder).push(disk, NAME).image();
        client.tagImage(new ImageId(image.id()), new Messages.ChangeTags(Map.of(TAG, TAG), List.of()));
        client.tagSnapshot(new SnapshotId(image.snapshot()), new Messages.ChangeTags(Map.of(TAG, TAG), List.of()));
        Random random = new Random(8);
        Messages.Volume volume = client.createVolume(new Messages.CreateVolume(image.id(), null, null, null, null));
        pairs.put("images", new Pair(image.id(), "ami-0123456789abcdef0"));
        pairs.put("snapshots", new Pair(image.snapshot(), SnapshotId.random(random).value()));
        pairs.put("volumes", new Pair(volume.id(), VolumeId.random(random).value()));
        pairs.put("uploads", new Pair(
                client.startUpload(new Messages.StartUpload(DISK_BYTES)).id(), "up-0123456789abcdef1"));
        try (EbsClient ebs = owner.user().ebs()) {
            pairs.put("pending", new Pair(
                    ebs.startSnapshot(start -> start.volumeSize(1L)).snapshotId(), SnapshotId.random(random).value()));
        }
        pairs.put("accounts", new Pair(owner.account().value(), "999999999999"));
        pairs.put("chunks", new Pair(presentChunk(content).toString(), Digest.of(new byte[] {1}).toString()));
        pairs.put("keys", new Pair(owner.user().credentials().accessKeyId(), "AKIAAAAAAAAAAAAAAAAA"));
    }

    private static ChunkId presentChunk(TestDisk disk) {
        return LongStream.range(0, disk.chunkCount())
                .mapToObj(disk::chunkAt)
                .filter(chunk -> !chunk.isAbsent())
                .findFirst()
                .orElseThrow();
    }

    @AfterAll
    void stop() {
        if (store != null) {
            store.close();
        }
    }

    /** All endpoints that docs/formats.md names, those that are added later included. */
    @Test
    void ourOwnApiAnswersAboutWhatIsPrivateAsAboutWhatNeverWas() throws Exception {
        int asked = 0;
        for (String line : Files.readAllLines(DOCUMENT)) {
            Matcher endpoint = ENDPOINT.matcher(line);
            if (endpoint.matches() && !endpoint.group(2).contains("after=")) {
                for (String kind : kinds(endpoint.group(2).split("[/?]")[0])) {
                    assertSameAnswer(
                            kind, endpoint.group(1), Api.PREFIX + endpoint.group(2), body(endpoint.group(3).strip()));
                    asked++;
                }
            }
        }
        assertSameAnswer("images", "POST", Api.PREFIX + "uploads", json("{'sizeBytes':512,'parent':'ID'}"));
        assertSameAnswer("images", "POST", Api.PREFIX + "volumes", json("{'source':'ID'}"));
        assertSameAnswer("snapshots", "POST", Api.PREFIX + "volumes", json("{'source':'ID'}"));

        assertTrue(asked > 25, "asked " + asked);
        assertNothingHasChanged();
    }

    private static List<String> kinds(String first) {
        return switch (first) {
            case "disks", "diff" -> List.of("images", "snapshots");
            case "exports" -> List.of("images", "snapshots", "volumes");
            default -> List.of(first);
        };
    }

    /** Something of the type that would be taken from the owner. */
    private static byte[] body(String type) {
        return switch (type.replaceFirst(" .*", "")) {
            case "", "none" -> new byte[0];
            case "1" -> leaf().toBytes();
            case "ids" -> leaf().id().digest().toBytes();
            case "ItemBatch" -> new ItemBatch.Writer(64).finish();
            case "CommitUpload" -> Json.encode(new Messages.CommitUpload(
                    Digest.ZERO.toString(),
                    Digest.of(new byte[0]).toString(),
                    "mine now",
                    "",
                    "x86_64",
                    null,
                    null,
                    null));
            case "ChangeSharing" -> json("{'isPublic':true}");
            case "ChangeTags" -> json("{'put':{'a':'b'}}");
            case "CreateCopy", "CreateSnapshot" -> json("{}");
            case "CreateImage" -> json("{'name':'mine now'}");
            case "ChangeKey" -> json("{'state':'disabled'}");
            default -> throw new AssertionError("this test has to learn what a " + type + " is");
        };
    }

    private static byte[] json(String text) {
        return text.replace('\'', '"').getBytes(UTF_8);
    }

    private static Page leaf() {
        return new Page.Builder(0).set(0, Digest.of(new byte[] {1})).build();
    }

    private void assertNothingHasChanged() {
        StoreClient client = owner.user().store();
        assertFalse(client.image(new ImageId(image.id())).isPublic());
        assertEquals(Map.of(TAG, TAG), client.image(new ImageId(image.id())).tags());
        client.volume(new VolumeId(pairs.get("volumes").there));
        assertEquals("active", client.keys().get(0).state());
    }

    @Test
    void ec2AnswersAboutWhatIsPrivateAsAboutWhatNeverWas() throws Exception {
        for (String action : List.of(
                "DescribeImages&ImageId.1=ID",
                "DescribeImages&Filter.1.Name=image-id&Filter.1.Value.1=ID",
                "DescribeImageAttribute&ImageId=ID&Attribute=description",
                "DescribeImageAttribute&ImageId=ID&Attribute=launchPermission",
                "ModifyImageAttribute&ImageId=ID&LaunchPermission.Add.1.Group=all",
                "ModifyImageAttribute&ImageId=ID&Description.Value=mine",
                "ResetImageAttribute&ImageId=ID&Attribute=launchPermission",
                "CopyImage&SourceImageId=ID&SourceRegion=local&Name=mine",
                "DeregisterImage&ImageId=ID",
                "DisableImage&ImageId=ID",
                "EnableImage&ImageId=ID",
                "EnableImageDeprecation&ImageId=ID&DeprecateAt=2030-01-01T00:00:00.000Z",
                "GetImageAncestry&ImageId=ID",
                "ListImagesInRecycleBin&ImageId.1=ID",
                "RestoreImageFromRecycleBin&ImageId=ID",
                "RunInstances&ImageId=ID&MinCount=1&MaxCount=1",
                "CreateTags&ResourceId.1=ID&Tag.1.Key=a&Tag.1.Value=b",
                "DeleteTags&ResourceId.1=ID&Tag.1.Key=a",
                "DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1=ID")) {
            assertSameForm("images", action);
        }
        for (String action : List.of(
                "DescribeSnapshots&SnapshotId.1=ID",
                "DescribeSnapshotAttribute&SnapshotId=ID&Attribute=createVolumePermission",
                "ModifySnapshotAttribute&SnapshotId=ID&Attribute=createVolumePermission"
                        + "&CreateVolumePermission.Add.1.Group=all",
                "CopySnapshot&SourceSnapshotId=ID&SourceRegion=local",
                "CreateVolume&SnapshotId=ID&AvailabilityZone=locala",
                "DeleteSnapshot&SnapshotId=ID",
                "LockSnapshot&SnapshotId=ID&LockMode=governance&LockDuration=1",
                "RestoreSnapshotFromRecycleBin&SnapshotId=ID",
                "ModifySnapshotTier&SnapshotId=ID&StorageTier=archive",
                "RegisterImage&Name=mine&RootDeviceName=/dev/xvda&BlockDeviceMapping.1.DeviceName=/dev/xvda"
                        + "&BlockDeviceMapping.1.Ebs.SnapshotId=ID",
                "CreateTags&ResourceId.1=ID&Tag.1.Key=a&Tag.1.Value=b")) {
            assertSameForm("snapshots", action);
        }
        for (String action : List.of(
                "DescribeVolumes&VolumeId.1=ID",
                "DeleteVolume&VolumeId=ID",
                "CreateSnapshot&VolumeId=ID",
                "AttachVolume&VolumeId=ID&InstanceId=i-0123456789abcdef0&Device=/dev/sdf",
                "DetachVolume&VolumeId=ID",
                "CreateTags&ResourceId.1=ID&Tag.1.Key=a&Tag.1.Value=b")) {
            assertSameForm("volumes", action);
        }
        assertNothingHasChanged();
    }

    private void assertSameForm(String kind, String action) throws Exception {
        assertSameAnswer(kind, "POST", "/", ("Version=2016-11-15&Action=" + action).getBytes(UTF_8));
    }

    @Test
    void ebsDirectAnswersAboutWhatIsPrivateAsAboutWhatNeverWas() throws Exception {
        assertSameAnswer("snapshots", "GET", "/snapshots/ID/blocks", new byte[0]);
        assertSameAnswer("snapshots", "GET", "/snapshots/ID/blocks/0?blockToken=AAAA", new byte[0]);
        assertSameAnswer("snapshots", "GET", "/snapshots/ID/changedblocks", new byte[0]);
        assertSameAnswer("snapshots", "GET", "/snapshots/ID/changedblocks?firstSnapshotId=ID", new byte[0]);
        assertSameAnswer("snapshots", "POST", "/snapshots", json("{'VolumeSize':1,'ParentSnapshotId':'ID'}"));
        byte[] block = new byte[512 << 10];
        String checksum = Base64.getEncoder().encodeToString(Digest.of(block).toBytes());
        List<Header> described = List.of(
                new Header("x-amz-data-length", "" + block.length),
                new Header("x-amz-checksum", checksum),
                new Header("x-amz-checksum-algorithm", "SHA256"));
        List<Header> completed = List.of(new Header("x-amz-changedblockscount", "0"));
        for (String kind : List.of("snapshots", "pending")) {
            assertSameAnswer(kind, "GET", "/snapshots/ID/blocks", new byte[0]);
            assertSameAnswer(kind, "PUT", "/snapshots/ID/blocks/0", block, described);
            assertSameAnswer(kind, "POST", "/snapshots/completion/ID", new byte[0], completed);
        }
        try (EbsClient client = owner.user().ebs()) {
            client.completeSnapshot(complete -> complete.snapshotId(pairs.get("pending").there).changedBlocksCount(0));
        }
    }

    @Test
    void nbdAnswersAboutWhatIsPrivateAsAboutWhatNeverWas() {
        for (String kind : List.of("images", "snapshots", "volumes")) {
            Pair pair = pairs.get(kind);
            assertEquals(refusal(pair.never), refusal(pair.there), kind);
        }
    }

    private String refusal(String id) {
        String ticket = tickets.issue(other.account(), id, Instant.now().plusSeconds(60));
        URI uri = URI.create(StoreExports.tcpUri(store.server().nbdAddress()) + '/' + id + ':' + ticket);
        return assertThrows(NbdDisk.Refused.class, () -> NbdDisk.open(uri)).getMessage().replace(id, "ID");
    }

    @Test
    void listsShowNothingOfWhatIsPrivate() {
        StoreClient client = other.user().store();

        String all = Json.pretty(List.of(
                client.images(""), client.snapshots(""), client.volumes(""), client.accounts(), client.keys()));

        pairs.values().forEach(pair -> assertFalse(all.contains(pair.there), all));
        assertFalse(all.contains(NAME) || all.contains(TAG) || all.contains(owner.account().value()), all);
    }

    @Test
    void aNameThatAnotherAccountHasIsFree() {
        other.user().store().startUpload(new Messages.StartUpload(512, NAME, null));
    }

    /** Whether somebody else has stored a chunk, or a page, is not to be told by what an upload is spared. */
    @Test
    void anUploadIsToldNothingOfChunksThatOnlyOthersHave() throws Exception {
        Page theirs = firstLeaf();
        Page never = altered(theirs);
        StoreClient client = other.user().store();
        String upload = client.startUpload(new Messages.StartUpload(DISK_BYTES)).id();

        assertEquals(client.ask(upload, List.of(never)), client.ask(upload, List.of(theirs)));
        assertFalse(client.ask(upload, List.of(theirs)).get(0).isPageKnown());
        assertEquals(new BitSet(), client.known(upload, List.of(theirs.id(), never.id())));
        Answer refused = put(upload, theirs);
        assertEquals(409, refused.status);
        assertEquals(put(upload, never).masking(never), refused.masking(theirs));
    }

    /** The owner's, as the store keeps it. */
    private Page firstLeaf() {
        byte[] batch = owner.user().store().readPages(new DiskId(image.id()), 0, 0, 1);
        ItemBatch.Reader items = new ItemBatch.Reader(batch);
        assertTrue(items.next());
        byte[] page = new byte[Page.SIZE_BYTES];
        ChunkCodec.unpack(batch, items.packedOffset(), items.packedBytes(), page, 0, page.length);
        return Page.decode(page);
    }

    /** A page with as many children, in the same places, that nobody has. */
    private static Page altered(Page page) {
        Page.Builder other = new Page.Builder(0);
        for (int i = 0; i < Page.CHILDREN; i++) {
            if (!page.isAbsent(i)) {
                other.set(i, Digest.of(page.child(i).toString().getBytes(UTF_8)));
            }
        }
        return other.build();
    }

    private Answer put(String upload, Page page) throws Exception {
        byte[] room = new byte[ChunkCodec.scratchBytes(Page.SIZE_BYTES)];
        int packedBytes = ChunkCodec.pack(Codec.PLAIN, page.toBytes(), 0, Page.SIZE_BYTES, room, 0);
        ItemBatch.Writer batch = new ItemBatch.Writer(1 << 16);
        batch.add(1, page.id().digest(), Arrays.copyOf(room, packedBytes));
        return ask("POST", Api.PREFIX + "uploads/" + upload + "/items", batch.toBytes(), List.of());
    }

    /** @param target with ID where it goes, as in the body; N is 1 */
    private void assertSameAnswer(String kind, String method, String target, byte[] body) throws Exception {
        assertSameAnswer(kind, method, target, body, List.of());
    }

    private void assertSameAnswer(
            String kind, String method, String target, byte[] body, List<Header> more) throws Exception {
        Pair pair = pairs.get(kind);

        Answer there = askAbout(pair.there, method, target, body, more);
        Answer never = askAbout(pair.never, method, target, body, more);

        assertEquals(never, there, method + ' ' + target + " of " + kind);
        if (!target.equals("/")) {
            assertEquals(404, there.status, method + ' ' + target + ": " + there.body);
        }
    }

    private Answer askAbout(
            String id, String method, String target, byte[] body, List<Header> more) throws Exception {
        String text = new String(body, ISO_8859_1).replaceAll("\\bID\\b", id);
        Answer answer = ask(
                method,
                target.replaceAll("\\bID\\b", id).replaceAll("=N\\b", "=1"),
                text.getBytes(ISO_8859_1),
                more);
        return answer.masking(id);
    }

    /** All that is said, but for what names the request and its moment. */
    private record Answer(int status, Map<String, List<String>> headers, String body) {
        Answer masking(String id) {
            return new Answer(status, headers, body.replace(id, "ID"));
        }

        Answer masking(Page page) {
            String masked = body.replace(page.id().toString(), "PAGE");
            for (int i = 0; i < Page.CHILDREN; i++) {
                masked = masked.replace(page.child(i).toString(), "CHUNK");
            }
            return new Answer(status, headers, masked);
        }
    }

    private Answer ask(String method, String target, byte[] body, List<Header> more)
            throws IOException, InterruptedException {
        String[] parts = target.split("\\?", 2);
        String service = parts[0].startsWith(Api.PREFIX) ? Api.SERVICE : parts[0].equals("/") ? "ec2" : "ebs";
        URI endpoint = store.endpoint();
        List<Header> headers = new ArrayList<>();
        headers.add(new Header("host", endpoint.getAuthority()));
        if (service.equals("ec2")) {
            headers.add(new Header("content-type", "application/x-www-form-urlencoded"));
        }
        headers.addAll(more);
        List<Header> signed = new SigV4Signer(
                        other.user().credentials(), other.user().region().name(), service, Clock.systemUTC())
                .sign(new SignableRequest(
                        method, parts[0], parts.length == 2 ? parts[1] : "", headers, PayloadHash.of(body)));
        HttpRequest.Builder request =
                HttpRequest.newBuilder(endpoint.resolve(target)).method(method, BodyPublishers.ofByteArray(body));
        headers.stream().skip(1).forEach(header -> request.header(header.name(), header.value()));
        signed.forEach(header -> request.header(header.name(), header.value()));
        HttpResponse<byte[]> response = http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        Map<String, List<String>> told = new TreeMap<>(response.headers().map());
        told.keySet().removeAll(List.of("x-amzn-requestid", "content-length"));
        String text = REQUEST_ID.matcher(new String(response.body(), ISO_8859_1)).replaceAll("REQUEST");
        return new Answer(response.statusCode(), told, text);
    }
}
