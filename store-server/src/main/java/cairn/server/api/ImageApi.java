package cairn.server.api;

import cairn.api.Json;
import cairn.api.Messages.Ancestor;
import cairn.api.Messages.CreateCopy;
import cairn.api.Messages.Image;
import cairn.api.Messages.ImageList;
import cairn.api.Messages.ImageProof;
import cairn.image.AccountId;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageManifest;
import cairn.image.ImageName;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Accounts;
import cairn.server.account.Caller;
import cairn.server.account.Encryption;
import cairn.server.account.Regions;
import cairn.server.account.Sharing;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.image.ImageCopies;
import cairn.server.image.ImageRegistry;
import cairn.server.image.NewCopy;
import cairn.server.image.RegisteredImage;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/** Answers questions about images. */
public final class ImageApi {
    /** EC2's words. */
    private static final String AVAILABLE = "available";
    private static final String DISABLED = "disabled";

    private final ImageRegistry images;
    private final ImageCopies copies;
    private final Accounts accounts;
    private final Regions regions;
    private final Encryption encryption;

    public ImageApi(
            ImageRegistry images, ImageCopies copies, Accounts accounts, Regions regions, Encryption encryption) {
        this.images = images;
        this.copies = copies;
        this.regions = regions;
        this.accounts = accounts;
        this.encryption = encryption;
    }

    HttpReply list(HttpCall call) {
        call.requireOnly("after");
        String after = call.find("after").map(id -> new ImageId(id).value()).orElse("");
        ListPage<Image> page = ListPage.of(
                images.list(call.caller(), after, ListPage.ITEMS_MAX),
                image -> message(call.caller(), image),
                Image::id);
        return ApiDoor.json(new ImageList(page.items(), page.next()));
    }

    HttpReply show(HttpCall call, String id) {
        call.requireOnly();
        RegisteredImage image = images.read(call.caller(), new ImageId(id));
        List<Ancestor> lineage = images.lineage(call.caller(), image).stream()
                .map(each -> new Ancestor(
                        each.id().value(), each.name().map(ImageName::value).orElse(null)))
                .toList();
        return ApiDoor.json(message(call.caller(), image, lineage));
    }

    HttpReply proof(HttpCall call, String id) {
        call.requireOnly();
        RegisteredImage image = images.read(call.caller(), Right.READ, new ImageId(id));
        return ApiDoor.json(new ImageProof(id, Base64.getEncoder().encodeToString(image.signed().encode())));
    }

    HttpReply share(HttpCall call, String id) {
        call.requireOnly();
        UnaryOperator<Sharing> change = RequestedChanges.sharing(call, accounts);
        return ApiDoor.json(message(
                call.caller(),
                images.change(
                        call.caller(), new ImageId(id), image -> image.with(change.apply(image.sharing())))));
    }

    HttpReply tag(HttpCall call, String id) {
        call.requireOnly();
        UnaryOperator<Map<String, String>> change = RequestedChanges.tags(call);
        return ApiDoor.json(message(
                call.caller(),
                images.change(
                        call.caller(), new ImageId(id), image -> image.withTags(change.apply(image.tags())))));
    }

    HttpReply copy(HttpCall call, String id) {
        call.requireOnly();
        CreateCopy wanted = Json.decode(call.body(), CreateCopy.class);
        ImageId source = new ImageId(id);
        ImageName name = wanted.name() == null
                ? images.read(call.caller(), Right.COPY, source).manifest().name()
                : new ImageName(wanted.name());
        Caller owner = RequestedChanges.owner(call, wanted, regions);
        NewCopy copy = NewCopy.of(source, call.caller().region(), name).with(encryption.choose(owner));
        return ApiDoor.json(message(owner, copies.copy(owner, copy, made -> List.of())));
    }

    HttpReply remove(HttpCall call, String id) {
        call.requireOnly();
        images.remove(call.caller(), new ImageId(id));
        return HttpReply.NO_CONTENT;
    }

    static Image message(Caller caller, RegisteredImage image) {
        return message(caller, image, null);
    }

    private static Image message(Caller caller, RegisteredImage image, List<Ancestor> lineage) {
        ImageManifest manifest = image.manifest();
        boolean isManaged = Access.may(caller, Right.MANAGE, image);
        return new Image(
                image.id().value(),
                manifest.name().value(),
                image.description(),
                manifest.owner().value(),
                image.region().name(),
                image.settings().isDisabled() ? DISABLED : AVAILABLE,
                manifest.architecture().label(),
                manifest.bootMode().map(BootMode::label).orElse(null),
                manifest.rootDevice(),
                manifest.parent().map(ImageId::value).orElse(null),
                manifest.createdAt().toString(),
                manifest.root().snapshot().value(),
                manifest.root().sizeBytes(),
                manifest.root().root().toString(),
                image.sharing().isPublic(),
                isManaged ? sharedWith(image.sharing()) : null,
                isManaged ? new TreeMap<>(image.tags()) : null,
                lineage);
    }

    static List<String> sharedWith(Sharing sharing) {
        return sharing.accounts().stream().map(AccountId::value).sorted().toList();
    }
}
