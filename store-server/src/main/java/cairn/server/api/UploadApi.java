package cairn.server.api;

import static cairn.Fault.INVALID_REQUEST;
import static cairn.server.api.ApiDoor.required;

import cairn.Digest;
import cairn.StoreException;
import cairn.api.Api;
import cairn.api.ItemBatch;
import cairn.api.Json;
import cairn.api.Known;
import cairn.api.Messages.CommitUpload;
import cairn.api.Messages.StartUpload;
import cairn.api.Missing;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import cairn.server.account.Encryption;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.image.ImageRegistry;
import cairn.server.image.RegisteredImage;
import cairn.server.storage.ItemKey;
import cairn.server.upload.PackedItem;
import cairn.server.upload.Upload;
import cairn.server.upload.Uploads;
import cairn.tree.Page;
import cairn.tree.PageId;
import cairn.tree.RootDigest;
import cairn.tree.TreeRoot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Answers whoever brings a disk. */
public final class UploadApi {
    private final Uploads uploads;
    private final ImageRegistry images;
    private final Encryption encryption;

    public UploadApi(Uploads uploads, ImageRegistry images, Encryption encryption) {
        this.uploads = uploads;
        this.images = images;
        this.encryption = encryption;
    }

    HttpReply start(HttpCall call) {
        call.requireOnly();
        StartUpload wanted = Json.decode(call.body(), StartUpload.class);
        images.requireRoomFor(
                call.caller(),
                Optional.ofNullable(wanted.name()).map(ImageName::new),
                Optional.ofNullable(wanted.parent()).map(ImageId::new));
        // Refuses now what would be refused when all is there.
        encryption.choose(call.caller());
        Upload upload = uploads.start(call.caller(), wanted.sizeBytes());
        return ApiDoor.json(new cairn.api.Messages.Upload(
                upload.id(), upload.sizeBytes(), upload.startedAt().toString(), upload.leaseUntil().toString()));
    }

    HttpReply known(HttpCall call, String id) {
        call.requireOnly();
        List<PageId> pages = Known.decodeQuestion(call.body());
        return ApiDoor.binary(Known.encodeAnswer(uploads.known(call.caller(), id, pages), pages.size()));
    }

    HttpReply ask(HttpCall call, String id) {
        call.requireOnly();
        byte[] body = call.body();
        if (body.length == 0 || body.length % Page.SIZE_BYTES != 0) {
            throw new StoreException(
                    INVALID_REQUEST,
                    "a question is 1 to " + Api.ASK_PAGES_MAX + " pages of " + Page.SIZE_BYTES + " bytes, not "
                            + body.length + " bytes");
        }
        List<Page> pages = new ArrayList<>();
        for (int at = 0; at < body.length; at += Page.SIZE_BYTES) {
            pages.add(decodePage(Arrays.copyOfRange(body, at, at + Page.SIZE_BYTES)));
        }
        return ApiDoor.binary(Missing.encode(uploads.ask(call.caller(), id, pages, Missing::new)));
    }

    private static Page decodePage(byte[] bytes) {
        try {
            return Page.decode(bytes);
        } catch (StoreException e) {
            throw new StoreException(INVALID_REQUEST, e.getMessage(), e);
        }
    }

    HttpReply putItems(HttpCall call, String id) {
        call.requireOnly();
        uploads.touch(call.caller(), id);
        ItemBatch.Reader items = new ItemBatch.Reader(call.body());
        while (items.next()) {
            ItemKey key = items.isChunk() ? ItemKey.of(items.chunkId()) : ItemKey.of(items.pageId());
            uploads.put(call.caller(), id, new PackedItem(key, call.body(), items.packedOffset(), items.packedBytes()));
        }
        return HttpReply.NO_CONTENT;
    }

    HttpReply commit(HttpCall call, String id) {
        call.requireOnly();
        CommitUpload wanted = Json.decode(call.body(), CommitUpload.class);
        NewImage image = new NewImage(
                new ImageName(required("name", wanted.name())),
                Optional.ofNullable(wanted.description()).orElse(""),
                Architecture.parse(required("architecture", wanted.architecture())),
                Optional.ofNullable(wanted.bootMode()).map(BootMode::parse),
                Optional.ofNullable(wanted.parent()).map(ImageId::new),
                Optional.ofNullable(wanted.tags()).orElse(Map.of()));
        TreeRoot root = uploads.seal(
                call.caller(),
                id,
                Digest.parse(required("topPage", wanted.topPage())),
                RootDigest.parse(required("rootDigest", wanted.rootDigest())));
        RegisteredImage registered = images.register(
                call.caller(),
                image,
                root,
                encryption.choose(call.caller()),
                List.of(uploads.end(call.caller(), id)));
        uploads.ended(call.caller(), id);
        return ApiDoor.json(ImageApi.message(call.caller(), registered));
    }

    HttpReply cancel(HttpCall call, String id) {
        call.requireOnly();
        uploads.cancel(call.caller(), id);
        return HttpReply.NO_CONTENT;
    }
}
