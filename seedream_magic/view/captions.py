"""What stands above a set and below each of its frames, where both are seen at once."""

from __future__ import annotations

from seedream_magic.images.image_set import Frame, ImageSet


def title_of(images: ImageSet) -> str:
    """The prompt; of a storyboard the style that its frames share, where it has one."""
    board = images.request.storyboard
    return board.style if board and board.style.strip() else images.prompt


def caption_of(frame: Frame, images: ImageSet) -> str:
    """The frame's own prompt; empty in a set whose frames all have the prompt that stands above them."""
    return "" if len(images) > 1 and frame.prompt == images.prompt else frame.prompt
