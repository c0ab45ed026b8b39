"""Our icons: 24 x 24, drawn with a 2 px stroke in the colour of the text around them."""

from types import MappingProxyType

ICONS = MappingProxyType(
    {
        "activity": '<path d="M3 12h4l3-8 4 16 3-8h4"/>',
        "alert": '<path d="M12 4 2.8 20h18.4z"/><path d="M12 10v4"/><path d="M12 17h.01"/>',
        "bell": '<path d="M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15z"/><path d="M10 21.5h4"/>',
        "building": '<path d="M5 21V4h9v17"/><path d="M14 9h5v12"/><path d="M3 21h18"/>'
        '<path d="M8.5 8h2M8.5 12h2M8.5 16h2"/>',
        "chevron": '<path d="m7 10 5 5 5-5"/>',
        "circle": '<circle cx="12" cy="12" r="7"/>',
        "clock": '<circle cx="12" cy="12" r="9"/><path d="M12 7v5l3 2"/>',
        "columns": '<path d="M4 5h16v14H4z"/><path d="M9.5 5v14M14.5 5v14"/>',
        "copy": '<path d="M9 9h11v11H9z"/><path d="M5 15H4V4h11v1"/>',
        "cross": '<path d="m6 6 12 12M18 6 6 18"/>',
        "dot": '<circle cx="12" cy="12" r="5" fill="currentColor"/>',
        "filter": '<path d="M4 6h16M7 12h10M10 18h4"/>',
        "grid": '<path d="M4 4h7v7H4zM13 4h7v4h-7zM13 11h7v9h-7zM4 14h7v6H4z"/>',
        "info": '<circle cx="12" cy="12" r="9"/><path d="M12 11v5"/><path d="M12 8h.01"/>',
        "join": '<path d="M4 6h4l5 6h7"/><path d="M4 18h4l5-6"/><path d="m17 9 3 3-3 3"/>',
        "list": '<path d="M9 6h11M9 12h11M9 18h11"/><path d="M4.5 6h.01M4.5 12h.01M4.5 18h.01"/>',
        "lock": '<path d="M6 11h12v9H6z"/><path d="M8.5 11V8a3.5 3.5 0 0 1 7 0v3"/>',
        "menu": '<path d="M4 6h16M4 12h16M4 18h16"/>',
        "minus": '<path d="M6 12h12"/>',
        "pencil": '<path d="M4 20h4L19.5 8.5l-4-4L4 16z"/><path d="m13.5 6.5 4 4"/>',
        "plug": '<path d="M9 3v5M15 3v5"/><path d="M6 8h12v3a6 6 0 0 1-12 0z"/><path d="M12 17v4"/>',
        "plus": '<path d="M12 6v12M6 12h12"/>',
        "refresh": '<path d="M20 11a8 8 0 1 0-2.3 6.7"/><path d="M20 5v6h-6"/>',
        "search": '<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>',
        "spinner": '<path d="M12 3a9 9 0 1 1-9 9"/>',
        "stop": '<path d="M8.2 3h7.6L21 8.2v7.6L15.8 21H8.2L3 15.8V8.2z"/><path d="M12 8v5"/><path d="M12 16h.01"/>',
        "tick": '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
        "user": '<circle cx="12" cy="8" r="4"/><path d="M4.5 20.5a7.5 7.5 0 0 1 15 0"/>',
    }
)
