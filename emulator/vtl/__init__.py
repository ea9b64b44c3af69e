"""Mapping templates: the part of Velocity (VTL) that API Gateway templates commonly use.

    render(template, variables)   the text that a template makes

Known: references with properties, indexes and calls, quiet references, #set, #if, #elseif, #else,
#foreach, #end, comments, comparison, arithmetic, lists, ranges and maps. Not known: #macro,
#define, #evaluate, #parse, #include, #break, #stop.
"""

from emulator.vtl.render import TemplateError, render

__all__ = ["TemplateError", "render"]
