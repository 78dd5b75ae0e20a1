package cairn.server.upload;

import cairn.server.storage.ItemKey;

/** An item that a client sent: {@code lengthBytes} of {@code bytes} from {@code offset}, borrowed. */
public record PackedItem(ItemKey key, byte[] bytes, int offset, int lengthBytes) {}
